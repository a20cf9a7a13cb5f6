from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.cli.main import run_command_line

WORKFLOWS = '''
import asyncio
import os
import signal
from pathlib import Path

from tta_dev_primitives import LambdaPrimitive, WorkflowPrimitive


def note(x):
    """Leave a mark for every input that was worked on."""
    with Path("worked_on.txt").open("a") as file:
        file.write(f"{x}\\n")


async def _double(x):
    note(x)
    await asyncio.sleep(0)
    return {"double": 2 * x}


async def _backwards(x):
    for _ in range(100 - 10 * x):
        await asyncio.sleep(0)
    return x


async def _odd_fails(x):
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x


async def _stop_at_three(x):
    if x == 3 and not Path("go_on").exists():
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(60)
    return await _double(x)


async def _endless(x):
    if x >= 3 and not Path("go_on").exists():
        await asyncio.sleep(600)
    return await _double(x)


double = LambdaPrimitive(_double)
echo = LambdaPrimitive(lambda x: x)
backwards = LambdaPrimitive(_backwards)
odd_fails = LambdaPrimitive(_odd_fails)
stop_at_three = LambdaPrimitive(_stop_at_three)
endless = LambdaPrimitive(_endless)


def make_double(factor=2):
    return double
'''


@dataclass
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on standard error."""
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("tta: ")
        return self.err.removeprefix("tta: ").rstrip("\n")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder with a file of workflows; what is imported is forgotten again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workflows_here.py").write_text(WORKFLOWS)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def tta(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs the command in this process."""

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        code = run_command_line([str(argument) for argument in arguments])
        printed = capfd.readouterr()
        return Ended(code, printed.out, printed.err)

    return run


@pytest.fixture
def tta_run(tta: Callable[..., Ended]) -> Callable[..., Ended]:
    """Runs `tta run` with one of the workflows over in.jsonl into out.jsonl."""

    def run(workflow: str, *more: object) -> Ended:
        files = ("--input", "in.jsonl", "--output", "out.jsonl")
        return tta("run", f"workflows_here.py:{workflow}", *files, *more)

    return run


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the command in a process of its own, which does not outlive the test."""
    with contextlib.ExitStack() as processes:

        def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
            for stream in ("stdin", "stdout", "stderr"):
                options.setdefault(stream, subprocess.PIPE)
            command = [sys.executable, "-m", "tta_dev_primitives", *map(str, arguments)]
            process = subprocess.Popen(command, text=True, **options)
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield start


@pytest.fixture
def write_lines(folder: Path) -> Callable[..., Path]:
    """Writes in.jsonl: values as JSON, text and bytes as they are."""

    def write(*lines: Any) -> Path:
        path = folder / "in.jsonl"
        encoded = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        path.write_bytes(b"".join(line + b"\n" for line in encoded))
        return path

    return write


@pytest.fixture
def read_records(folder: Path) -> Callable[..., list[dict[str, Any]]]:
    """Reads a file of records, without their latencies."""

    def read(name: str = "out.jsonl") -> list[dict[str, Any]]:
        records = [json.loads(line) for line in (folder / name).read_bytes().splitlines()]
        return [{k: v for k, v in r.items() if k != "latency_ms"} for r in records]

    return read


@pytest.fixture
def worked_on(folder: Path) -> Callable[[], list[int]]:
    """Tells which inputs the `double` workflow has worked on, over all runs."""
    return lambda: [int(line) for line in (folder / "worked_on.txt").read_text().split()]


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "COLUMNS", "120")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
