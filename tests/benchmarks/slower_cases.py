"""A case as it is, the same again, and with a slowdown planted: a loop of some fifty bytecodes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts/benchmarks"))

from instructions_cases import CASES, Case, Operation, main

if TYPE_CHECKING:
    from collections.abc import Awaitable

CALLS = CASES["memory-cache-hit"].calls


def slower() -> Operation:
    """Return what the case calls, after a loop that nobody needs."""
    call = CASES["memory-cache-hit"].prepare()

    def wasteful() -> Awaitable[object]:
        total = 0
        for number in range(10):
            total += number
        return call()

    return wasteful


TRIALS = {
    "as-it-is": CASES["memory-cache-hit"],
    "the-same": CASES["memory-cache-hit"],
    "slower": Case(slower, CALLS),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], TRIALS))
