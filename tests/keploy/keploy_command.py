"""The keploy command, run as its users run it, in a folder and an environment of its own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

APPS = Path(__file__).with_name("apps")
WAIT_SECONDS = 40
PACKAGES = {"curl": "curl", "node": "nodejs"}
KEPLOY = [sys.executable, "-m", "keploy_framework"]


def free_port() -> int:
    """Give a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def required(program: str) -> None:
    """Skip the test where a program is not here, or fail it where services are required."""
    if shutil.which(program) is None:
        reason = f"{program} is not here; install it, as with apt-get install {PACKAGES[program]}"
        if os.environ.get("TTA_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def until(condition: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait until *condition* holds.

    Raises:
        AssertionError: It does not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def app_command(name: str, port: int, *arguments: object) -> str:
    """Give the command that starts an app of this folder."""
    program = "node" if name.endswith(".mjs") else sys.executable
    return shlex.join([program, str(APPS / name), str(port), *map(str, arguments)])


class Recorder:
    """A recorder that runs."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self._out, self._error = folder / "recorder.out", folder / "recorder.err"

    @property
    def shown(self) -> str:
        """What it and its app have written so far."""
        return self._out.read_text() + self._error.read_text()

    def is_ready(self) -> bool:
        """Tell whether it records, or has ended."""
        return "press Ctrl-C" in self._error.read_text() or self.process.poll() is not None

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """End it by a signal, and give its exit code."""
        self.process.send_signal(number)
        return self.process.wait(WAIT_SECONDS)


class Keploy:
    """Run the command in a folder.

    Args:
        folder: Where it runs and records.
        environment: Variables beside those of the process.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not _is_odd(name)},
            "XDG_CACHE_HOME": str(folder / "cache"),
            **(environment or {}),
        }

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*KEPLOY, *words],
            cwd=self.folder,
            env=self._environment | environment,
            capture_output=True,
            text=True,
            timeout=2 * WAIT_SECONDS,
            check=False,
        )

    # Any: the report as JSON.
    def test(self, command: str, *words: str, **environment: str) -> tuple[int, dict[str, Any]]:
        """Run ``keploy test --json``; give the exit code and the report."""
        # Apps load libraries as they need them, and the machine may be busy.
        patient = ("--json", "--api-timeout", "30s")
        done = self.run("test", "-c", command, *patient, *words, **environment)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        return done.returncode, json.loads(done.stdout)

    @contextmanager
    def recording(self, command: str, *words: str) -> Generator[Recorder]:
        """Record while the block runs; it is ready when the block begins."""
        out, error = self.folder / "recorder.out", self.folder / "recorder.err"
        with out.open("wb") as out_file, error.open("wb") as error_file:
            process = subprocess.Popen(
                [*KEPLOY, "record", "-c", command, *words],
                cwd=self.folder,
                env=self._environment,
                stdout=out_file,
                stderr=error_file,
            )
        recorder = Recorder(process, self.folder)
        try:
            until(recorder.is_ready, "the start of the recorder")
            yield recorder
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(WAIT_SECONDS)
                finally:
                    process.kill()
                    process.wait()


# Any: a test of the report as JSON.
def cases_of(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give all tests of a report."""
    return [test for one in report["sets"] for test in one["tests"]]


def _is_odd(name: str) -> bool:
    """Tell whether a variable of this process would change what the command does."""
    return name.startswith(("KEPLOY_", "OPENAI_", "ANTHROPIC_")) or name.lower().endswith("_proxy")
