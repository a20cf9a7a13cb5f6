"""The parts that traffic is resampled by: conversations, gathered into at most 1,000."""

from __future__ import annotations

import zlib
from typing import Final

MOST_PARTS: Final = 1_000


class Parts:
    """Gives every conversation a part, the same one each time.

    The first thousand conversations are a part each. Later ones join one of these by a digest, so
    that memory does not grow with the traffic; parts of several whole conversations are as
    independent of each other as the conversations are.

    Args:
        most: How many parts there are at most.
    """

    def __init__(self, most: int = MOST_PARTS) -> None:
        self._most = most
        self._known: dict[str, int] = {}
        self.shared = False

    def __len__(self) -> int:
        return len(self._known)

    def of(self, conversation: str) -> int:
        """Return the number of the part, from 0."""
        known = self._known
        part = known.get(conversation)
        if part is not None:
            return part
        if len(known) < self._most:
            part = known[conversation] = len(known)
            return part
        self.shared = True
        return zlib.crc32(conversation.encode("utf-8", "surrogatepass")) % self._most
