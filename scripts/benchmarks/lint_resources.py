"""What a program took: time, processor time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run of a program took, and what it said.

    Attributes:
        wall_seconds: From its start to its end.
        cpu_seconds: Of the processor, its own processes among them; None where not told.
        output: What it wrote to standard output.
        code: What it ended with.
    """

    wall_seconds: float
    cpu_seconds: float | None
    output: str
    code: int


def run(words: Sequence[str | Path], folder: Path) -> Spent:
    """Run a program to its end, in a folder.

    Raises:
        subprocess.TimeoutExpired: It ran for longer than five minutes, and was killed.
    """
    used, began = _used_by_children(), time.perf_counter()
    ended = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=MOST_SECONDS,
        env={**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1"},
        check=False,
    )
    wall, after = time.perf_counter() - began, _used_by_children()
    cpu = None if used is None or after is None else after - used
    return Spent(wall, cpu, ended.stdout, ended.returncode)


def most_memory() -> float | None:
    """Return the most memory this process has had, in megabytes; None where nobody tells."""
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def _used_by_children() -> float | None:
    """Return the processor time of programs that have ended."""
    if sys.platform == "win32":
        return None
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
