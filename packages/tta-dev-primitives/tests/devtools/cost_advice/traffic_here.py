"""Requests and prices made by hand, so that every figure can be checked in the head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from tta_dev_primitives.devtools.cost_advice.advice import Advice, Lever, LeverName, Unjudged
from tta_dev_primitives.devtools.cost_advice.advising import advise
from tta_dev_primitives.devtools.traffic.request import Answer, TokenUsage, TrafficRequest

# US dollars a token: fresh input, input from the cache, input to the cache, output.
RATES: Mapping[str, tuple[float, float, float, float]] = {
    "large": (0.01, 0.001, 0.01, 0.02),
    "small": (0.001, 0.0001, 0.001, 0.002),
    "claude-large": (0.01, 0.001, 0.0125, 0.02),
    "free": (0.0, 0.0, 0.0, 0.0),
}
BEGIN = 1_700_000_000.0
DAY = 86_400.0


class ListedPrices:
    """Prices by name, those of `large` twice as high from *dearer_from* on."""

    source = "a price list"
    snapshot = date(2026, 8, 1)

    def __init__(self, dearer_from: float = float("inf")) -> None:
        self._dearer_from = dearer_from

    def cost(self, model: str, provider: str | None, usage: TokenUsage, at: float) -> float | None:
        if model not in RATES:
            return None
        fresh, read, written, output = RATES[model]
        factor = 2 if model == "large" and at >= self._dearer_from else 1
        return factor * (
            (usage.input - usage.cached - usage.cache_written) * fresh
            + usage.cached * read
            + usage.cache_written * written
            + usage.output * output
        )


def request(
    number: int = 0,
    *,
    ts: float = 0.0,
    model: str = "large",
    tokens: tuple[int, int] = (100, 50),
    cached: int = 0,
    written: int = 0,
    key: bytes | None = None,
    text: str = "",
    tenant: str = "",
    place: str | None = "0.ask",
    provider: str | None = None,
    scores: Mapping[str, float] | None = None,
    error: str | None = None,
) -> TrafficRequest:
    """One request; with the usual tokens it costs 2 dollars at `large`, 0.2 at `small`."""
    made = TrafficRequest(
        id=f"r{number:06}",
        ts=BEGIN + ts,
        model=model,
        usage=TokenUsage(*tokens, cached, written),
        provider=provider,
        tenant=tenant,
        key=key,
        text=text,
        place=place,
        error=error,
    )
    if scores is None:
        return made
    return replace(made, answers={name: Answer(score) for name, score in scores.items()})


def told(traffic: Iterable[TrafficRequest], **settings: float) -> Advice:
    """Advice on requests at the listed prices."""
    return advise(list(traffic), ListedPrices(), **settings)  # type: ignore[arg-type]


def lever(advice: Advice, name: LeverName) -> Lever:
    """The lever of that name, which has to have been judged."""
    (found,) = [each for each in advice.levers if each.name == name]
    return found


def unjudged(advice: Advice, name: LeverName) -> Unjudged:
    """The lever of that name, which has to be one that could not be judged."""
    (found,) = [each for each in advice.unjudged if each.name == name]
    return found
