"""Runs one command, for a time that is bounded, and leaves no process behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class TookTooLongError(Exception):
    """The command was stopped."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    told: str
    errors: str


def run_bounded(
    command: list[str],
    *,
    seconds: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run *command* and return what it printed.

    It gets a process group of its own, which is killed when the time is up or the wait is broken
    off: the servers that a benchmark began end with it. On Windows only the command itself does.

    Args:
        command: What is run, without a shell.
        seconds: The longest it may take.
        folder: Where; here, if None.
        environment: All of its environment; this process's, if None.

    Raises:
        TookTooLongError: It took longer.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            told, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise TookTooLongError(f"it took more than {seconds:g}s") from error
        finally:
            _kill_group(process)
    return Ended(process.returncode, told, errors)


def _kill_group(process: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):  # nobody of the group is left
        os.killpg(process.pid, signal.SIGKILL)
