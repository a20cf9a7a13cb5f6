"""Let the app's threads have their turn while one of ours works on many spans."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")
# A thread that only computes keeps the interpreter for five milliseconds at a time. This many spans
# are worked on in a fraction of one.
SPANS_IN_A_TURN: Final = 64
_A_MOMENT: Final = 50e-6


def in_turns(items: Iterable[T]) -> Iterator[T]:
    """Yield *items*, and let go of the interpreter for a moment now and then."""
    for number, item in enumerate(items):
        if not number % SPANS_IN_A_TURN:
            time.sleep(_A_MOMENT)
        yield item
