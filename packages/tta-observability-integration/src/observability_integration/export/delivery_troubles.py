"""Say once that telemetry does not arrive, and once that it does again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_QUIET_SECONDS: Final = 60.0
_logger = logging.getLogger("observability_integration")


class Troubles:
    """One log line for each kind of trouble, and one when all is well again.

    A kind that comes and goes is told once a minute at most.

    Args:
        what: What is delivered, such as `spans`.
        place: Where to, as logs may show it.
        clock: Monotonic seconds.
    """

    def __init__(self, what: str, place: str, clock: Callable[[], float]) -> None:
        self._what, self._place, self._clock = what, place, clock
        self._told_at: dict[str, float] = {}
        self._open: set[str] = set()
        self._lost_before = 0

    def tell(self, kind: str, text: str, lost: int) -> None:
        """Log *text*, unless this kind was told already.

        Args:
            kind: What is told once.
            text: What happened, without anything that telemetry or headers hold.
            lost: Items dropped so far.
        """
        now = self._clock()
        if kind in self._open or now - self._told_at.get(kind, -_QUIET_SECONDS) < _QUIET_SECONDS:
            return
        if not self._open:
            self._lost_before = lost
        self._open.add(kind)
        self._told_at[kind] = now
        _logger.warning("%s to %s: %s", self._what, self._place, text)

    def over(self, lost: int) -> None:
        """Log that all is well, if trouble was told.

        Args:
            lost: Items dropped so far.
        """
        if self._open:
            self._open.clear()
            _logger.warning(
                "%s to %s: delivered again; %d were dropped meanwhile",
                self._what,
                self._place,
                lost - self._lost_before,
            )
