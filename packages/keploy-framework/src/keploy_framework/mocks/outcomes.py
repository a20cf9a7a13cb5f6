"""What came of asking the mocks: an answer or a miss."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from keploy_framework.exchange import Response
    from keploy_framework.matching.choice.chooser import Level
    from keploy_framework.matching.choice.explanation import Explanation

OnMiss: TypeAlias = Literal["fail", "passthrough", "record"]
"""What shall be done about a request that no mock answers."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a mock answers.

    Args:
        response: Ready to be sent. The chunks of a stream carry the times to send them at.
        mock: The name of the mock.
        level: How the request and the mock agree.
        similarity: The share of equal fields; 1 for all but a similar one.
        is_repeated: Whether the mock had answered before and was not meant to again.
        at: When the request came, in nanoseconds since 1970.
    """

    response: Response
    mock: str
    level: Level
    similarity: float = 1.0
    is_repeated: bool = False
    at: int = 0

    @property
    def gaps(self) -> tuple[float, ...]:
        """How many seconds to wait before each chunk of a stream."""
        times = (self.at, *(chunk.at for chunk in self.response.chunks))
        return tuple((after - before) / 1e9 for before, after in pairwise(times))


@dataclass(frozen=True, slots=True)
class Miss:
    """A request that no mock answers.

    Args:
        response: What the app gets where the miss counts as a failure: 502 with the explanation.
        explanation: Why there is none.
        action: What shall be done: ``fail``, ``passthrough`` to the real host, or ``record``,
            which is to pass it on and keep the exchange as a mock.
        at: When the request came, in nanoseconds since 1970.
        tests: The tests that ran then.
    """

    response: Response
    explanation: Explanation
    action: OnMiss
    at: int
    tests: tuple[str, ...] = ()
