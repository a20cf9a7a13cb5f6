"""Values that nobody counts: they are asked for when metrics are collected."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from .series import OVERFLOW, attributes_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .instrument import Instrument, Observed, Values
    from .series import Attributes

_logger = logging.getLogger("observability_integration")


class ObservedValues:
    """All who tell values of one instrument.

    What several tell for the same labels is added up. One that raises is left out, and told in the
    log once. Everything may be called in any thread.

    Args:
        instrument: What the values are of.
        max_series: Most series; further ones are added up in one.
    """

    def __init__(self, instrument: Instrument[object], max_series: int) -> None:
        self._instrument, self._max_series = instrument, max_series
        self._asks: list[Observed] = []
        self._lock = threading.Lock()
        self._complained = False

    def add(self, ask: Observed) -> Callable[[], None]:
        """Ask *ask* too, until what is returned is called; calling that twice does nothing."""
        with self._lock:
            self._asks.append(ask)

        def remove() -> None:
            with self._lock:
                if ask in self._asks:
                    self._asks.remove(ask)

        return remove

    def read(self) -> list[tuple[Attributes, float]]:
        """Return the attributes of each series and its number."""
        told: dict[Values, float] = {}
        rest: float | None = None
        with self._lock:
            asks = [*self._asks]
        for ask in asks:
            try:
                for values, number in ask():
                    if values in told or len(told) < self._max_series:
                        told[values] = told.get(values, 0) + number
                    else:
                        rest = number if rest is None else rest + number
            except Exception as error:  # noqa: BLE001 - told once; the others can answer
                self._complain(error)
        points = [(attributes_of(self._instrument, key), told[key]) for key in told]
        return points if rest is None else [*points, (OVERFLOW, rest)]

    def begin_anew(self) -> None:
        """Replace the lock after a fork; a thread that is not here may have held it."""
        self._lock = threading.Lock()

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            name, kind = self._instrument.name, type(error).__name__
            _logger.warning("%s could not be observed (%s); it is left out", name, kind)
