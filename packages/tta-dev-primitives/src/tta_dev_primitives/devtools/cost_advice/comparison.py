"""Why one period cost more or less than another: a change split into parts that add up to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import date

Factor: TypeAlias = Literal[
    "volume",
    "mix of places",
    "mix of models",
    "input tokens",
    "output tokens",
    "cached share",
    "price",
    "waste",
]
FACTORS: Final[tuple[Factor, ...]] = (
    "volume",
    "mix of places",
    "mix of models",
    "input tokens",
    "output tokens",
    "cached share",
    "price",
    "waste",
)
HOW_IT_IS_SPLIT: Final = (
    "each part is the mean change over all orders in which the factors can go from the first "
    "period to the second (Shapley value), so no order is preferred and the parts add up"
)


@dataclass(frozen=True, slots=True)
class Period:
    """One side of the comparison.

    Attributes:
        source: Where it is from, in words.
        requests: How many, failed ones included.
        failed: How many of them failed.
        dollars: What they cost.
        wasted: What the failed ones cost.
        input_tokens: Of the answered ones, as all tokens below.
        output_tokens: That came out.
        cached_tokens: Of the input, those read from the provider's cache.
        began: When the first was sent, in seconds since 1970; None without requests.
        ended: When the last was.
        days: How long it lasted, as told or from the first request to the last; None where that
            is under an hour, which says nothing about a day.
    """

    source: str
    requests: int
    failed: int
    dollars: float
    wasted: float
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    began: float | None
    ended: float | None
    days: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """What something cost in both periods, and the parts of the difference.

    Attributes:
        name: `total`, or a model or a place.
        before: US dollars in the first period.
        after: US dollars in the second.
        parts: By factor; they add up to `after - before`.
    """

    name: str
    before: float
    after: float
    parts: dict[Factor, float]

    @property
    def difference(self) -> float:
        """US dollars that it cost more; below 0 where it cost less."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two periods of traffic.

    Attributes:
        before: The first one.
        after: The second one.
        total: All that was spent.
        per_day: The same divided by the days of each; None where they are not known of both.
        models: By model, the largest change first.
        places: By place, the largest change first.
        new_models: Those that only the second period has.
        gone_models: Those that only the first has.
        new_places: Those that only the second period has.
        gone_places: Those that only the first has.
        price_source: Whose prices.
        price_snapshot: The day they were listed; None where unknown.
        notes: What a reader has to know.
    """

    before: Period
    after: Period
    total: Change
    per_day: Change | None
    models: tuple[Change, ...]
    places: tuple[Change, ...]
    new_models: tuple[str, ...]
    gone_models: tuple[str, ...]
    new_places: tuple[str, ...]
    gone_places: tuple[str, ...]
    price_source: str
    price_snapshot: date | None
    notes: tuple[str, ...]
