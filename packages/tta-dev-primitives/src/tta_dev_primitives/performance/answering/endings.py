"""Which calls ended while somebody looked whether there is an entry."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

_REMEMBERED: Final = 1024


class Endings:
    """Remember the keys of the last calls that ended.

    A look that takes longer than the call it might have joined would else find nothing, neither
    the entry nor the call, and begin another call. To look costs the reading of `count`.

    Attributes:
        count: How many calls have ended so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._keys: deque[Hashable] = deque(maxlen=_REMEMBERED)

    def add(self, key: Hashable) -> None:
        """Take note that a call for *key* has ended, and its entry been written if it was."""
        self.count += 1
        self._keys.append(key)

    def include(self, key: Hashable, *, since: int) -> bool:
        """Tell whether a call for *key* may have ended when `count` was *since* or later."""
        new = self.count - since
        if not new:
            return False
        # Of too many, any may have been the one. The copy is made in one step, whatever other
        # threads append.
        return new >= _REMEMBERED or key in list(self._keys)[-new:]
