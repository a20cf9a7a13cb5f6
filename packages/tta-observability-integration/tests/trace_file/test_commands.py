"""`python -m observability_integration` on trace files."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from observability_integration.trace_file.commands import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from observability_integration.spans.light_span import LightSpan
    from observability_integration.trace_file.reader import TraceFile

    MakeSpan = Callable[..., LightSpan]
    Written = Callable[..., TraceFile]


@pytest.fixture
def file(span: MakeSpan, written: Written) -> TraceFile:
    """A file with two traces, one of which has hostile and wide names."""
    ask = {
        "tta.primitive.path": "0/1.retry/0.cache/0.a_step_with_a_long_name",
        "tta.primitive.type": "OpenAIPrimitive",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
    }
    answer = {
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 340,
        "gen_ai.usage.cost.amount": 0.0125,
    }
    failed = {"outcome": "error", "error": "\x1b]0;evil\x07"}
    return written(
        [
            span("chat gpt-4o", 2, 1, trace=0xA << 124, start=1, shared=ask, own=answer),
            span("invoke_workflow " + "long " * 20, 1, trace=0xA << 124, seconds=1.5),
            span("\x1b[2Jevil\u202e\n漢字", 3, trace=0xB << 124, start=9, **failed),
        ],
        resource={"service.name": "shop\x1b[1m"},
    )


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_show_lists_traces_newest_first(
    file: TraceFile, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "show", file.path)
    header, newest, oldest = out.splitlines()
    assert code == 0
    assert header.split()[:2] == ["trace", "began"]
    assert (newest[:8], oldest[:8]) == ("b0000000", "a0000000")
    assert "$0.012500" in oldest


def test_show_prints_one_trace_as_a_tree(
    file: TraceFile, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "show", file.path, "a")
    assert code == 0
    assert out.splitlines()[1].startswith("└─ chat gpt-4o ")
    assert out.splitlines()[2].startswith("1.50 s · 1 model call · 1,200 in, 340 out · $0.012500")


def test_a_trace_that_is_cut_says_so(file: TraceFile, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "show", file.path, "a", "--limit", "1")
    assert "… 1 more span not shown" in out
    _, whole, _ = run(capsys, "show", file.path, "a", "--limit", "0")
    assert "not shown" not in whole


def test_traces_are_listed_by_name(file: TraceFile, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "show", file.path, "--name", "invoke_*")
    assert [line[:8].strip() for line in out.splitlines()] == ["trace", "a0000000"]
    _, nothing, _ = run(capsys, "show", file.path, "--name", "other")
    assert nothing == "no traces\n"


def test_summary_tells_runs_models_and_places(
    file: TraceFile, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "summary", file.path)
    assert code == 0
    assert out.startswith("run 1: shop?[1m, began ")
    assert "2 traces, 3 spans, 1 failed" in out
    assert "gpt-4o" in out
    assert "0/1.retry/0.cache/0.a_step_with_a_long_name" in out


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("show", "b"), ("show", "a"), ("summary",), ("diff",)],
    ids=["list", "hostile", "tree", "summary", "diff"],
)
def test_everything_fits_into_80_columns_and_obeys_nobody(
    arguments: tuple[str, ...],
    file: TraceFile,
    span: MakeSpan,
    written: Written,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name from the network cleared somebody's terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    command, *rest = arguments
    more = [written([span("other " * 30)]).path] if command == "diff" else rest
    _, out, _ = run(capsys, command, file.path, *more)
    for line in out.splitlines():
        wide = sum(letter in "漢字" for letter in line)
        assert len(line) + wide <= 80
        assert line.isprintable()


def test_diff_ends_with_1_when_something_changed(
    file: TraceFile, span: MakeSpan, written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    """CI stops a change that made the workflow dearer."""
    other = written([span("other")])
    assert run(capsys, "diff", file.path, file.path)[0] == 0
    code, out, _ = run(capsys, "diff", file.path, other.path)
    assert code == 1
    assert "gone  invoke_workflow" in out
    assert "new   other: 1 call" in out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "{missing}"), 2, "is not there"),
        (("summary", "{missing}"), 2, "is not there"),
        (("show", "{missing}\x1b[2J"), 2, "is not there"),
        (("diff", "{file}", "{missing}"), 2, "is not there"),
        (("show", "{file}", "c"), 1, "holds no trace c"),
        (("show", "{file}", "odd\x1b"), 1, "hexadecimal digits"),
        (("summary", "{file}", "--run", "7"), 2, "holds no run 7"),
    ],
    ids=["show", "summary", "hostile", "diff", "trace", "no-id", "run"],
)
def test_what_cannot_be_done_is_one_line(
    arguments: tuple[str, ...],
    code: int,
    told: str,
    file: TraceFile,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = {"file": str(file.path), "missing": "missing.db"}
    ended, out, err = run(capsys, *(each.format(**names) for each in arguments))
    assert (ended, out) == (code, "")
    assert told in err
    assert err.startswith("error: trace file ")
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("show",),
        ("diff", "a"),
        ("diff", "a", "b", "--tolerance", "7"),
        ("show", "a", "--limit", "-1"),
    ],
    ids=["nothing", "no-file", "one-side", "tolerance", "limit"],
)
def test_misuse_ends_with_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m observability_integration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "look"),
    [
        (("show", "{file}"), lambda found: found[0]["trace_id"][0] == "b"),
        (("show", "{file}", "a"), lambda found: found[1]["attributes"]["tta.outcome"] == "ok"),
        (("summary", "{file}"), lambda found: found["totals"]["spent"] == 0.0125),
        (("diff", "{file}", "{file}"), lambda found: found["places"][0]["kind"] == "same"),
    ],
    ids=["list", "trace", "summary", "diff"],
)
def test_each_command_speaks_json(
    arguments: tuple[str, ...],
    look: Callable[[Any], bool],
    file: TraceFile,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(capsys, *(each.format(file=file.path) for each in arguments), "--json")
    assert code == 0
    assert look(json.loads(out))


def test_the_module_runs_without_opentelemetry(file: TraceFile) -> None:
    """Looking at a file took a second, for a library that it does not need."""
    program = (
        "import runpy, sys\n"
        "sys.argv[1:] = ['show', sys.argv[1]]\n"
        "try:\n"
        "    runpy.run_module('observability_integration', run_name='__main__')\n"
        "except SystemExit as ended:\n"
        "    assert ended.code == 0, ended\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    command = [sys.executable, "-c", program, str(file.path)]
    ran = subprocess.run(command, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count(b"\n") == 3


def test_a_reader_that_has_seen_enough_is_no_error(file: TraceFile) -> None:
    """`... | head -1` ended with a traceback."""
    program = (
        "import os, sys\n"
        "from observability_integration.trace_file.commands import main\n"
        "reading, writing = os.pipe()\n"
        "os.close(reading)\n"
        "os.dup2(writing, 1)\n"
        "sys.exit(main(['show', sys.argv[1]]))\n"
    )
    command = [sys.executable, "-c", program, str(file.path)]
    ran = subprocess.run(command, capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
