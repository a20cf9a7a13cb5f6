"""Which places a call goes to: those of its event loop, and there those of its key."""

from __future__ import annotations

import threading
import weakref
from asyncio import get_running_loop
from typing import TYPE_CHECKING, Final

from .queue import PlaceRules, Places

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Hashable

_KEYS_BEFORE_SWEEP: Final = 1000


class PlaceTable:
    """The places of one event loop: the common ones, and those of each key."""

    __slots__ = ("_keyed", "_rules", "_sweep_at", "_swept_rejected", "common", "loop")

    def __init__(self, rules: PlaceRules, loop: Callable[[], AbstractEventLoop | None]) -> None:
        self._rules = rules
        self.loop = loop
        self.common = Places(rules)
        self._keyed: dict[Hashable, Places] = {}
        self._sweep_at = _KEYS_BEFORE_SWEEP
        self._swept_rejected = 0

    def of(self, key: Hashable) -> Places:
        """Return the places of *key*; where there are many keys, idle ones are forgotten."""
        places = self._keyed.get(key)
        if places is None:
            if len(self._keyed) >= self._sweep_at:
                self._sweep()
            places = self._keyed[key] = Places(self._rules)
        return places

    def all(self) -> list[Places]:
        """Return the places in use."""
        return list(self._keyed.copy().values()) or [self.common]

    @property
    def rejected(self) -> int:
        """How many calls were refused."""
        return self._swept_rejected + sum(places.rejected for places in self.all())

    def _sweep(self) -> None:
        idle = [key for key, places in self._keyed.items() if places.idle]
        for key in idle:
            self._swept_rejected += self._keyed.pop(key).rejected
        # So that a table full of busy keys is not walked through for every new one.
        self._sweep_at = max(_KEYS_BEFORE_SWEEP, 2 * len(self._keyed))


class PlaceTables:
    """The table of each event loop, dropped with its loop. May be asked in several threads."""

    def __init__(self, rules: PlaceRules) -> None:
        self.rules = rules
        self._lock = threading.Lock()
        self._tables: weakref.WeakKeyDictionary[AbstractEventLoop, PlaceTable] = (
            weakref.WeakKeyDictionary()
        )
        self.latest = PlaceTable(rules, lambda: None)

    def here(self) -> PlaceTable:
        """Return the table of the running loop."""
        loop, latest = get_running_loop(), self.latest
        if latest.loop() is loop:
            return latest
        with self._lock:
            table = self._tables.get(loop)
            if table is None:
                # A loop that was closed in the middle of a call would be kept alive by that call.
                for known in list(self._tables):
                    if known.is_closed():
                        del self._tables[known]
                table = self._tables[loop] = PlaceTable(self.rules, weakref.ref(loop))
        self.latest = table
        return table

    def all(self) -> list[PlaceTable]:
        """Return the tables of all loops there are."""
        with self._lock:
            return list(self._tables.values())
