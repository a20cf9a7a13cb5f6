"""Prices, requests and traffic that is drawn by rule, for the tests of the replay."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from tta_dev_primitives.devtools.traffic.request import Answer, TokenUsage, TrafficRequest

STRONG, WEAK = "strong-1", "weak-1"


@dataclass
class PricesHere:
    """So many dollars for a million tokens of input, and twice as many for output."""

    per_million: Mapping[str, float] = field(default_factory=lambda: {STRONG: 10.0, WEAK: 0.7})
    changes_at: float | None = None
    source: str = "a list made for this test"
    snapshot: date | None = date(2026, 11, 1)

    def cost(self, model: str, provider: str | None, usage: TokenUsage, at: float) -> float | None:
        rate = self.per_million.get(model)
        if rate is None:
            return None
        if self.changes_at is not None and at >= self.changes_at:
            rate *= 2
        return (usage.input + 2 * usage.output) * rate / 1e6


def a_request(
    number: int,
    *,
    ts: float | None = None,
    model: str = STRONG,
    key: str | None = None,
    scores: Mapping[str, float] | None = None,
    tokens: int = 100,
    conversation: str | None = None,
    tenant: str = "",
    text: str = "",
    place: str | None = None,
    error: str | None = None,
) -> TrafficRequest:
    return TrafficRequest(
        id=f"r{number:06}",
        ts=float(number) if ts is None else ts,
        model=model,
        usage=TokenUsage(input=tokens, output=tokens // 10),
        tenant=tenant,
        conversation=conversation,
        key=None if key is None else key.encode(),
        text=text,
        answers={name: Answer(score) for name, score in (scores or {}).items()},
        error=error,
        place=place,
    )


BOTH_RIGHT = {STRONG: 1.0, WEAK: 1.0}


def repeated(
    count: int, questions: int, *, scores: Mapping[str, float] | None = None
) -> list[TrafficRequest]:
    """Return requests that ask so many questions in turn."""
    return [a_request(one, key=f"q{one % questions}", scores=scores) for one in range(count)]


@dataclass(frozen=True)
class PlaceHere:
    """A step of an app: how much of the traffic it sends, and how often each model is right."""

    name: str
    share: float
    strong: float
    weak: float
    words: Sequence[str]


PLACES = (
    PlaceHere("summarise", 0.6, 0.95, 0.95, ("summarise", "shorten", "tldr")),
    PlaceHere("prove", 0.4, 0.95, 0.30, ("prove", "derive", "theorem")),
)


def drawn_traffic(
    count: int,
    *,
    seed: int,
    repeats: float = 0.0,
    per_conversation: int = 1,
    weak_errors: float | None = None,
    from_request: int = 0,
    name_places: bool = True,
) -> list[TrafficRequest]:
    """Return traffic of two steps, one of which a weak model does as well as a strong one.

    Args:
        count: How many requests.
        seed: Of the draws.
        repeats: Share of the requests that ask what was asked before.
        per_conversation: Mean number of requests in a conversation.
        weak_errors: How often the weak model is wrong everywhere from *from_request* on.
        from_request: The first such request.
        name_places: Whether the place is recorded, or the words alone tell.
    """
    lot = random.Random(seed)
    asked: list[tuple[str, PlaceHere, str, int, bool, bool]] = []
    found: list[TrafficRequest] = []
    for number in range(count):
        if asked and lot.random() < repeats:
            question = lot.choice(asked)
        else:
            place = PLACES[0] if lot.random() < PLACES[0].share else PLACES[1]
            words = [*lot.choices(place.words, k=3), *lot.choices(range(500), k=20)]
            tokens = round(lot.lognormvariate(5, 0.8)) + 1
            weak_right = 1 - weak_errors if weak_errors is not None else place.weak
            late = weak_errors is not None and number >= from_request
            question = (
                f"q{number}",
                place,
                " ".join(map(str, words)),
                tokens,
                lot.random() < place.strong,
                lot.random() < (weak_right if late else place.weak),
            )
            asked.append(question)
        key, place, text, tokens, strong, weak = question
        found.append(
            a_request(
                number,
                key=key,
                scores={STRONG: float(strong), WEAK: float(weak)},
                tokens=tokens,
                text=text,
                place=place.name if name_places else None,
                conversation=f"c{lot.randrange(max(1, count // per_conversation))}",
            )
        )
    return found
