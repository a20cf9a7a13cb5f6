"""Counts the instructions of cases, with valgrind's callgrind."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from bounded_process import TookTooLongError, run_bounded

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = Path(__file__).with_name("instructions_cases.py")
# The whole run, in seconds: it takes a tenth of it.
LONGEST = 120.0
# The C function behind the mark in the program; callgrind writes its counts whenever it is entered.
MARK = "getppid"
# Where the counts are written; each process adds its id, each mark a number.
COUNTS = "counts"


class CountingError(Exception):
    """valgrind could not count."""


def valgrind() -> str | None:
    """Return the path of valgrind, or None where there is none."""
    return shutil.which("valgrind")


def count_all(calls: Mapping[str, int], *, program: Path = PROGRAM) -> dict[str, float]:
    """Count the instructions of one call of each case.

    The count of so many calls is taken from that of twice as many, so what a loop costs to begin
    and to end is not in it, and neither is anything before the loops. Takes about ten seconds of
    processor time. No process of it is left behind, whatever happens.

    Args:
        calls: How many calls the shorter loop of each case makes, by case.
        program: What runs under valgrind.

    Raises:
        CountingError: valgrind is missing, took too long, or did not count.
    """
    found = valgrind()
    if found is None:
        raise CountingError("valgrind is not on PATH; install it by: apt-get install valgrind")
    with tempfile.TemporaryDirectory(prefix="instructions-") as name:
        folder = Path(name)
        words = [found, "--tool=callgrind", f"--dump-before={MARK}"]
        words += [f"--callgrind-out-file={COUNTS}.%p", sys.executable, "-s", str(program)]
        processes = dict(line.split() for line in _run([*words, *calls], folder).splitlines())
        return {case: _of_one(folder, case, processes[case], calls[case]) for case in calls}


def _of_one(folder: Path, case: str, process: str, calls: int) -> float:
    once, twice = (_total(folder / f"{COUNTS}.{process}.{part}", case) for part in (2, 3))
    if not 0 < once < twice:
        message = f"{case} counted {once} for {calls} calls, but {twice} for twice as many"
        raise CountingError(message)
    return (twice - once) / calls


def _run(command: list[str], folder: Path) -> str:
    # Nothing else of the environment: what is in it would change what is counted.
    environment = {"PATH": os.defpath, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = run_bounded(command, seconds=LONGEST, folder=folder, environment=environment)
    except TookTooLongError as error:
        raise CountingError(f"counting was stopped: {error}") from error
    if ended.code:
        # Lines of valgrind itself begin with its process id between signs of equality.
        said = [line for line in ended.errors.splitlines() if line and not line.startswith("==")]
        because = " / ".join(said[-2:]) or "it said nothing"
        raise CountingError(f"counting ended with {ended.code}: {because}")
    return ended.told


def _total(path: Path, case: str) -> int:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        message = f"valgrind saw too few calls of {MARK} while it counted {case}"
        raise CountingError(message) from error
    found = re.search(r"^totals: (\d+)$", text, re.MULTILINE)
    if found is None:
        raise CountingError(f"valgrind wrote no totals while it counted {case}")
    return int(found[1])
