"""The states of circuit breakers: one series for each state, 1 for the one that holds."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, get_args

from tta_dev_primitives.core.observe import BreakerState

from .instruments import BREAKER_STATE

if TYPE_CHECKING:
    from .instrument import CellSource

STATES: Final[tuple[BreakerState, ...]] = get_args(BreakerState)
# More names than that are no breakers that somebody looks at.
_MOST_NAMES: Final = 1000


class BreakerStates:
    """Tell the state of circuit breakers by their names.

    A breaker with a circuit for each key has one name: its series say what the circuit was in that
    was asked last.

    Args:
        source: Where cells come from.
    """

    def __init__(self, source: CellSource) -> None:
        self._source = source
        self._known: dict[str, BreakerState] = {}
        self._lock = threading.Lock()

    def tell(self, name: str, state: BreakerState) -> None:
        """Set the series of the breaker called *name*; quick while the state stays the same."""
        if self._known.get(name) == state:
            return
        with self._lock:
            if len(self._known) >= _MOST_NAMES:
                self._known.clear()
            self._known[name] = state
            for each in STATES:
                self._source.cell(BREAKER_STATE, name, each).set(int(each == state))
