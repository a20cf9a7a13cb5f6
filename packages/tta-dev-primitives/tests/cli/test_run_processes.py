"""What only a real process shows: signals, pipes, kill -9 and memory."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FILES = ("--input", "in.jsonl", "--output", "out.jsonl")


@pytest.fixture
def endless(start: Any, write_lines: Any, folder: Path) -> Any:
    """A run of which three items have finished and three never will."""
    write_lines(*range(6))
    process = start("run", "workflows_here:endless", *FILES)
    await_until(lambda: count_lines(folder / "out.jsonl.partial") == 3, process)
    (folder / "go_on").touch()
    return process


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def await_until(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_keeps_what_has_finished_and_resume_does_the_rest(
    endless: Any, tta_run: Any, read_records: Any, worked_on: Any, number: int
) -> None:
    endless.send_signal(number)
    _, errors = endless.communicate(timeout=30)
    assert endless.returncode == 130
    assert errors.endswith("tta: interrupted; what had finished is kept, --resume goes on\n")
    assert "Traceback" not in errors
    assert len(read_records("out.jsonl.partial")) == 3
    assert tta_run("endless", "--resume").code == 0
    assert [record["output"]["double"] for record in read_records()] == [0, 2, 4, 6, 8, 10]
    assert sorted(worked_on()) == list(range(6))


def test_killed_process_loses_nothing_that_had_finished(
    endless: Any, tta_run: Any, read_records: Any, worked_on: Any
) -> None:
    """Its lock goes with it, too."""
    endless.kill()
    endless.wait()
    assert tta_run("endless", "--resume").code == 0
    assert [record["output"]["double"] for record in read_records()] == [0, 2, 4, 6, 8, 10]
    assert sorted(worked_on()) == list(range(6))


def test_second_process_on_the_same_output_is_refused(endless: Any, tta_run: Any) -> None:
    ended = tta_run("endless", "--resume")
    assert (ended.code, ended.complaint.partition(";")[0]) == (
        2,
        "another run is writing out.jsonl",
    )


def test_work_goes_on_while_standard_input_is_silent(start: Any) -> None:
    """Each result arrives before the next line is written; Ctrl-C does not wait for a line."""
    process = start("run", "workflows_here:echo", "--input", "-", "--output", "-")
    for number in range(3):
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["output"] == number
    if sys.platform != "win32":
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stderr.read().endswith("tta: interrupted; what had finished is kept\n")


def test_pipe_in_pipe_out(start: Any) -> None:
    process = start("run", "workflows_here:double", "--input", "-", "--output", "-")
    lines = "".join(f"{number}\n" for number in range(1000))
    out, _ = process.communicate(lines, timeout=30)
    assert process.returncode == 0
    outputs = sorted(json.loads(line)["output"]["double"] for line in out.splitlines())
    assert outputs == list(range(0, 2000, 2))


def test_reader_that_leaves_early_is_one_line(start: Any, write_lines: Any) -> None:
    write_lines(*range(2000))
    process = start("run", "workflows_here:echo", "--input", "in.jsonl", "--output", "-")
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(timeout=30) == 1
    assert errors == "tta: cannot write to standard output: Broken pipe\n"


def test_memory_stays_flat(folder: Path, start: Any) -> None:
    """A hundred thousand lines take hardly more than a thousand."""
    resource = pytest.importorskip("resource")
    del resource
    script = (
        "import resource, sys\n"
        "from tta_dev_primitives.cli.main import run_command_line\n"
        "code = run_command_line(sys.argv[1:])\n"
        "print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    peaks: list[int] = []
    for count in (1_000, 100_000):
        (folder / "in.jsonl").write_text('"a line of input"\n' * count)
        command = [sys.executable, "-c", script, "run", "workflows_here:echo", *FILES[:2]]
        command += ["--output", f"out{count}.jsonl", "--concurrency", "50"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
        code, peak = done.stdout.split()
        assert code == "0"
        assert count_lines(folder / f"out{count}.jsonl") == count
        peaks.append(int(peak))
    unit = 1 if sys.platform == "darwin" else 1024
    assert (peaks[1] - peaks[0]) * unit < 8_000_000
