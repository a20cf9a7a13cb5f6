"""When the pieces of a streamed answer are sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import KeployConfigError

if TYPE_CHECKING:
    from typing import Self

    from keploy_framework.exchange import Chunk

_TIMES: Final = re.compile(r"x(\d+(?:\.\d+)?)", re.ASCII)
_FAST_SPEED: Final = 10.0
_FAST_LONGEST_NANOSECONDS: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class StreamTiming:
    """How fast streamed answers are replayed.

    Args:
        speed: How many times as fast as recorded; 0 stands for at once.
        longest_gap: The longest wait between two pieces, in nanoseconds; ``None`` for any.
    """

    speed: float = _FAST_SPEED
    longest_gap: int | None = _FAST_LONGEST_NANOSECONDS

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``original``, ``instant``, ``fast``, or ``x4`` for four times as fast.

        ``fast`` is ten times as fast, with no gap over 50 ms.

        Raises:
            KeployConfigError: It is none of these.
        """
        if text == "original":
            return cls(1.0, None)
        if text == "instant":
            return cls(0.0, None)
        if text == "fast":
            return cls()
        match = _TIMES.fullmatch(text)
        if match is None or float(match[1]) <= 0:
            problem = f"must be original, fast, instant or xN, got {text!r}; write it like x4"
            raise KeployConfigError(problem, key="stream_timing", value=text)
        return cls(float(match[1]), None)

    def schedule(self, chunks: tuple[Chunk, ...], began: int | None, now: int) -> tuple[Chunk, ...]:
        """Give the pieces with the times at which to send them, none before the one before it.

        Args:
            chunks: The pieces as recorded.
            began: When the recorded request was sent, in nanoseconds since 1970; ``None`` where
                it is not known, and the first piece is sent at once.
            now: When the request came now, in nanoseconds since 1970.
        """
        if not chunks:
            return ()
        at, before = now, chunks[0].at if began is None else began
        scheduled: list[Chunk] = []
        for chunk in chunks:
            at += self._gap(chunk.at - before)
            before = chunk.at
            scheduled.append(replace(chunk, at=at))
        return tuple(scheduled)

    def _gap(self, nanoseconds: int) -> int:
        if nanoseconds <= 0 or not self.speed:
            return 0
        gap = int(nanoseconds / self.speed)
        return gap if self.longest_gap is None else min(gap, self.longest_gap)
