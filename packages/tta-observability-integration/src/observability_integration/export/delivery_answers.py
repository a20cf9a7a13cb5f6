"""What a collector's answer means, and how long to wait before it is asked again."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from observability_integration.encoding.wire import fields

if TYPE_CHECKING:
    from collections.abc import Callable

# The only ones that the OTLP specification has clients try again.
RETRIED: Final = frozenset({429, 502, 503, 504})
FIRST_DELAY_SECONDS: Final = 1.0
LONGEST_DELAY_SECONDS: Final = 30.0
_NEGATIVE: Final = 1 << 63


class Answer(NamedTuple):
    """What a collector answered.

    Attributes:
        status: HTTP's number.
        retry_after: The header of that name.
        body: The beginning of it.
    """

    status: int
    retry_after: str | None = None
    body: bytes = b""


class NoAnswerError(Exception):
    """Raised when nobody answered, which may be otherwise the next time.

    Attributes:
        reason: The type of what went wrong; its text may hold what logs may not.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"no answer: {reason}")
        self.reason = reason


class Transport(Protocol):
    """Post bytes to one place."""

    def post(self, body: bytes, timeout_seconds: float) -> Answer:
        """Return what was answered.

        Raises:
            NoAnswerError: Nobody answered.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def rejected_items(body: bytes) -> int:
    """Return how many items a collector says it did not take, of those in the request.

    Spans, metrics and logs have the same shape here. A body that cannot be read rejects nothing:
    the status has said already that the request arrived.
    """
    try:
        for number, partial in fields(body):
            if number == 1 and isinstance(partial, bytes):
                for inner, rejected in fields(partial):
                    if inner == 1 and isinstance(rejected, int):
                        return rejected if rejected < _NEGATIVE else 0
    except ValueError:
        return 0
    return 0


def retry_after_seconds(header: str | None, now: float) -> float:
    """Return the seconds that a `Retry-After` header asks for, 0 where it asks for none.

    Args:
        header: A number of seconds, or a date.
        now: Unix time in seconds.
    """
    text = (header or "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return 0.0


class BackOff:
    """How long to wait after one failure more: doubled each time, and never sooner than asked.

    Half of the wait is chance, so that the processes of a service do not come back all at once.

    Args:
        random: Numbers from 0 to below 1.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._failures = 0

    def next_delay(self, asked_seconds: float) -> float:
        """Return the seconds to wait now.

        Args:
            asked_seconds: What the collector asked for; up to a tenth is added to it.
        """
        longest = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0**self._failures)
        self._failures = min(self._failures + 1, 30)
        chance = self._random()
        return max(asked_seconds * (1 + chance / 10), longest * (1 + chance) / 2)

    def reset(self) -> None:
        """Begin with the shortest wait again."""
        self._failures = 0
