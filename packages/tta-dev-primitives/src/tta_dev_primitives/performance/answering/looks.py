"""Looking for an entry that somebody may be writing at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.performance.single_flight import LoopTables

if TYPE_CHECKING:
    from collections.abc import Hashable

    from .shelf import Entry, Shelf


class Looks:
    """Look once more where a call ended while a look was under way.

    A look that takes longer than the call it might have joined would else find nothing, neither
    the entry nor the call, and begin another call. Counted for each event loop, as calls are.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._under_way: LoopTables[Hashable, list[_Look]] = LoopTables()

    async def find(self, key: Hashable) -> Entry | None:
        """Return the entry of *key*, or None if there is none and none was written meanwhile."""
        table = self._under_way.here()
        look = _Look()
        table.setdefault(key, []).append(look)
        try:
            while True:
                entry = await self._shelf.find(key)
                if entry is not None or not look.overtaken:
                    return entry
                look.overtaken = False
        finally:
            others = table[key]
            others.remove(look)
            if not others:
                del table[key]

    def ended(self, key: Hashable) -> None:
        """Take note that a call for *key* has ended."""
        try:
            table = self._under_way.here()
        except RuntimeError:
            return  # with its loop, and so has every look
        for look in table.get(key, ()):
            look.overtaken = True


class _Look:
    __slots__ = ("overtaken",)

    def __init__(self) -> None:
        self.overtaken = False
