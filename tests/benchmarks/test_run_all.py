"""All benchmarks run, whatever becomes of one, and what they measured is kept."""

from __future__ import annotations

import sys
import textwrap
import time
from pathlib import Path

import pytest
import run_all
import run_all_benchmarks
from run_all_benchmarks import BENCHMARKS, REPORT, Benchmark, BenchmarkFailedError, measure
from run_all_figures import from_cases
from run_all_history import read

GOOD = """
    import json, sys
    row = {"case": "a", "ours_ns": 4.0, "ours_median_ns": 5.0, "floor": "b", "ratio": 2.0}
    print(json.dumps({"cases": [row], "arguments": sys.argv[1:]}))
"""


def benchmark(
    folder: Path, code: str, *, arguments: tuple[str, ...] = (), seconds: float = 40.0
) -> Benchmark:
    """Write *code* as a script and return the benchmark that it is."""
    (folder / "script.py").write_text(textwrap.dedent(code))
    return Benchmark("script.py", "a trial", arguments, ("--quick",), seconds, from_cases)


def test_what_a_script_prints_becomes_figures(tmp_path: Path) -> None:
    """A benchmark ran for minutes and nothing of it was kept."""
    (time_taken, ratio) = measure(benchmark(tmp_path, GOOD), quick=False, scripts=tmp_path)
    assert (time_taken.case, time_taken.best, time_taken.median) == ("a", 4.0, 5.0)
    assert (ratio.case, ratio.best) == ("a, over b", 2.0)


def test_a_report_in_a_file_is_read_and_progress_on_stdout_is_not(tmp_path: Path) -> None:
    """A table on stdout was taken for the report."""
    code = GOOD.replace("print(json", "print('| a table |'); open(sys.argv[1], 'w').write(json")
    trial = benchmark(tmp_path, code, arguments=(REPORT,))
    assert measure(trial, quick=True, scripts=tmp_path)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit('no server to be had')", "it ended with 1: no server to be had"),
        ("import sys; print('nothing to count', file=sys.stderr)", "nothing: nothing to count"),
        ('print(\'{"cases": [{"case": 1}]}\')', "its report is not as it was: KeyError"),
        ("print('[1')", "its report is not as it was: JSONDecodeError"),
        ("print('{\"cases\": []}')", "its report has no figures"),
    ],
    ids=["failed", "silent", "other-shape", "not-json", "empty"],
)
def test_a_benchmark_without_figures_says_why(tmp_path: Path, code: str, told: str) -> None:
    """A benchmark was broken for weeks, and its series ended without a word."""
    with pytest.raises(BenchmarkFailedError, match=told):
        measure(benchmark(tmp_path, code), quick=False, scripts=tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups to kill")
def test_a_benchmark_that_hangs_is_stopped_with_its_servers(tmp_path: Path) -> None:
    """A server of a benchmark that was stopped kept its port, and the next one failed."""
    code = f"""
        import subprocess, sys, time
        late = "import time; time.sleep(1.5); open({str(tmp_path / "late")!r}, 'w')"
        subprocess.Popen([sys.executable, "-c", late])
        time.sleep(30)
    """
    began = time.monotonic()
    with pytest.raises(BenchmarkFailedError, match="it took more than 1s"):
        measure(benchmark(tmp_path, code, seconds=2.0), quick=True, scripts=tmp_path)
    assert time.monotonic() - began < 10
    time.sleep(1.5)
    assert not (tmp_path / "late").exists()


@pytest.fixture
def trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two benchmarks instead of the real ones, of which the first fails."""
    good = benchmark(tmp_path, GOOD)
    (tmp_path / "bad.py").write_text("raise SystemExit('no luck')")
    bad = Benchmark("bad.py", "another", (), (), 9.0, from_cases)
    # Ours, but a table of data: the real ones take half an hour.
    monkeypatch.setitem(BENCHMARKS, "core", bad)
    monkeypatch.setitem(BENCHMARKS, "cache", good)
    return tmp_path


def test_one_that_fails_is_told_and_the_others_go_on(
    trials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing server cost the figures of all that came after it."""
    history = trials / "below/history.jsonl"
    words = ["--only", "core", "--only", "cache", "--quick", "--rounds", "2"]
    words += ["--history", str(history), "--page", str(trials / "site")]
    assert run_all.main(words, scripts=trials) == 1
    told = capsys.readouterr()
    assert "core failed: it ended with 1: no luck" in told.err
    assert told.err.endswith("failed: core\n")
    records = read(history)
    assert [each.figure.case for each in records] == ["a", "a, over b"] * 2
    assert {(each.benchmark, each.quick) for each in records} == {("cache", True)}
    assert len(records[0].commit.identity) == 40
    assert "a, over b" in (trials / "site/index.html").read_text()
    assert {each.name for each in (trials / "site").iterdir()} == {"index.html"}


def test_what_there_is_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody knew what could be asked for."""
    assert run_all.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(BENCHMARKS)


def test_every_script_with_figures_is_run() -> None:
    """A benchmark was added, and nobody followed its figures."""
    folder = run_all_benchmarks.SCRIPTS
    own = {path.name for path in folder.glob("*.py") if _is_run_by_hand(path)}
    assert own - {"run_all.py"} == {each.script for each in BENCHMARKS.values()}


def _is_run_by_hand(path: Path) -> bool:
    """Whether *path* is a command, and not the worker or the server of one."""
    text = path.read_text(encoding="utf-8")
    return '"--json"' in text and "argparse.ArgumentParser(" in text and "__main__" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--rounds", "0"], "--rounds must be at least 1, got 0"),
        (["--only", "lunch"], "invalid choice: 'lunch'"),
        (["--no-run"], "say where by --page DIR"),
    ],
    ids=["no-rounds", "unknown", "nothing-to-do"],
)
def test_misuse_ends_with_two(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped name ran for half an hour and measured something else."""
    with pytest.raises(SystemExit) as ended:
        run_all.main(words)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("history", "page", "told"),
    [
        ("conflict", None, "conflict:1 is no record"),
        # What the system says of them differs.
        ("folder", None, "folder cannot be read: "),
        ("conflict/below", None, "conflict"),
        ("history.jsonl", "conflict", "conflict: "),
    ],
    ids=["conflict", "folder", "below-a-file", "page-is-a-file"],
)
def test_a_place_that_cannot_be_used_is_told_before_anything_runs(
    trials: Path, capsys: pytest.CaptureFixture[str], history: str, page: str | None, told: str
) -> None:
    """After half an hour of measuring, the figures could not be written."""
    (trials / "conflict").write_text("<<<<<<< HEAD\n")
    (trials / "folder").mkdir()
    words = ["--only", "cache", "--history", str(trials / history)]
    words += ["--page", str(trials / page)] if page else []
    assert run_all.main(words, scripts=trials) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert printed.err.count("\n") == 1
    assert "Errno" not in printed.err
    assert "cache" not in printed.out + printed.err
