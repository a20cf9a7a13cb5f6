"""One recorded request to a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens that a provider counted.

    Attributes:
        input: All that went in, cached ones included.
        output: All that came out, reasoning included.
        cached: The part of *input* that was read from the provider's prompt cache.
        cache_written: The part of *input* that was written to it.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_written: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered, or would have answered, to a request.

    Attributes:
        score: How good that was, from 0 to 1; None where nobody said.
        usage: Its tokens; None where they are not known, and those of the request are taken.
    """

    score: float | None = None
    usage: TokenUsage | None = None


_NO_ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TrafficRequest:
    """One recorded request.

    Attributes:
        id: Unique within the traffic.
        ts: When it was sent, in seconds since 1970.
        model: Who was asked.
        usage: What the provider counted.
        provider: Who serves the model; None to find it by the model's name.
        tenant: For whom it was; answers are not shared between tenants.
        conversation: Requests of one conversation are resampled together; None for one alone.
        key: A digest of all that decides the answer but the model: messages and parameters. None
            where that was not recorded, so that a repeat cannot be told.
        text: What was asked, for routers that read it; empty where only a digest is there.
        answers: By model, what it answered or would have.
        error: Why it failed; None for an answer. Its tokens count all the same.
        latency: Seconds until the answer was whole; None where that was not recorded.
        cost: US dollars that whoever recorded it reckoned; None where nobody did.
        place: Where in the app it was sent from, such as a step's path; None where unknown.
    """

    id: str
    ts: float
    model: str
    usage: TokenUsage
    provider: str | None = None
    tenant: str = ""
    conversation: str | None = None
    key: bytes | None = None
    text: str = ""
    answers: Mapping[str, Answer] = field(default_factory=lambda: _NO_ANSWERS)
    error: str | None = None
    latency: float | None = None
    cost: float | None = None
    place: str | None = None

    @property
    def cluster(self) -> str:
        """What is drawn as a whole when the traffic is resampled."""
        return self.id if self.conversation is None else self.conversation

    def score_of(self, model: str) -> float | None:
        """Return how good the answer of *model* is, or None where nobody said."""
        answer = self.answers.get(model)
        return None if answer is None else answer.score

    def usage_of(self, model: str) -> TokenUsage:
        """Return the tokens of *model* for this request; those recorded where only they are known.

        Models count tokens differently, so for another model without counts of its own this is an
        assumption, which reports have to state.
        """
        answer = self.answers.get(model)
        return self.usage if answer is None or answer.usage is None else answer.usage
