"""What the mocks of a set were used for in a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keploy_framework.matching.choice.chooser import Level
    from keploy_framework.matching.choice.explanation import Explanation


@dataclass(frozen=True, slots=True)
class Approximation:
    """A request that was answered from a mock that is not equal.

    Args:
        mock: The name of the mock.
        request: The host and the path of the request.
        level: How they agree.
        similarity: The share of equal fields.
    """

    mock: str
    request: str
    level: Level
    similarity: float


@dataclass(frozen=True, slots=True)
class Usage:
    """Which mocks were used.

    Args:
        used: The mocks that answered.
        unused: Those that did not; mocks for any number of requests are not counted.
        overused: How often those answered that did more often than recorded.
        approximations: The requests that were answered from a mock that is not equal.
        misses: Why the first of the other requests were not answered.
        missed: How many those were.
        unserved: The mocks that cannot be answered from, by kind.
        damaged: Why those could not be read that are damaged, by name.
    """

    used: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    overused: dict[str, int] = field(default_factory=dict[str, int])
    approximations: tuple[Approximation, ...] = ()
    misses: tuple[Explanation, ...] = ()
    missed: int = 0
    unserved: dict[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    damaged: dict[str, str] = field(default_factory=dict[str, str])
