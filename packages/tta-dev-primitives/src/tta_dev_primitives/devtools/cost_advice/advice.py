"""What could be saved on recorded traffic, lever by lever, with the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import date

LeverName: TypeAlias = Literal[
    "exact repeats",
    "near repeats",
    "cheaper model",
    "prompt caching",
    "shorter outputs",
    "wasted retries",
]
Confidence: TypeAlias = Literal["measured", "estimate", "upper bound"]

NOT_ADDITIVE = (
    "levers are not additive: each is reckoned on the whole traffic as it is, and what one saves "
    "another cannot save again"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A place or a request that a lever would save much on.

    Attributes:
        name: The place, or how the request begins; a line of at most 60 characters without keys.
        count: How many requests of it the lever would change.
        dollars: What it would save on them, in US dollars.
    """

    name: str
    count: int
    dollars: float


@dataclass(frozen=True, slots=True)
class Lever:
    """What one change would save on this traffic, all else as it is.

    Attributes:
        name: Which change.
        dollars: What would not be spent, in US dollars.
        share: The same as a share of all that was spent, from 0 to 1.
        confidence: `measured` where the traffic itself shows it, `estimate` where something is
            assumed, `upper bound` where only a part of it can be had, which has to be tried.
        evidence: What was counted, one sentence each.
        largest: Up to three parts, the largest first.
        assumption: What has to hold for the figure; empty where nothing is assumed.
        code: The line that does it, with its imports.
    """

    name: LeverName
    dollars: float
    share: float
    confidence: Confidence
    evidence: tuple[str, ...]
    largest: tuple[Part, ...]
    assumption: str
    code: str


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A lever on which this traffic tells nothing, and why."""

    name: LeverName
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """All levers on some traffic.

    Attributes:
        source: Where the traffic is from, in words.
        requests: How many there were, failed ones included.
        spend: What they cost, in US dollars.
        began: When the first was sent, in seconds since 1970; None without requests.
        ended: When the last was.
        price_source: Whose prices.
        price_snapshot: The day they were listed; None where unknown.
        levers: Those that could be judged, the largest first. Their savings must not be added up.
        unjudged: Those that could not.
        notes: What a reader has to know.
    """

    source: str
    requests: int
    spend: float
    began: float | None
    ended: float | None
    price_source: str
    price_snapshot: date | None
    levers: tuple[Lever, ...]
    unjudged: tuple[Unjudged, ...]
    notes: tuple[str, ...]
