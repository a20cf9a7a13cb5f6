"""Tell the first failure of a kind, so that a log does not grow with the traffic."""

from __future__ import annotations

import logging
import traceback
from pathlib import PurePath

_logger = logging.getLogger("observability_integration")


class ToldOnce:
    """One line in the log, however often the thing happens.

    Args:
        what: What happened, as the beginning of a sentence.
        consequence: What it means for the spans.
    """

    def __init__(self, what: str, consequence: str) -> None:
        self._what, self._consequence = what, consequence
        self._told = False

    def tell(self, error: BaseException) -> None:
        """Log *error*, unless one was logged before.

        Its text is left out, because texts of errors can hold what a prompt or an answer held.
        """
        if self._told:
            return
        self._told = True
        _logger.warning(
            "%s: %s%s; %s. This is told once",
            self._what,
            type(error).__qualname__,
            _place(error),
            self._consequence,
        )


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__, -1)
    if not frames:
        return ""
    return f" at {PurePath(frames[0].filename).name}:{frames[0].lineno}"
