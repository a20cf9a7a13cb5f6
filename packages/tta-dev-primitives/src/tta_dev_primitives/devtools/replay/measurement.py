"""What a replay measured: figures with their bounds, and the verdict they allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import date

Status: TypeAlias = Literal["PASS", "FAIL", "NOT MEASURED"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the bounds between which it lies at the stated confidence."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One way to serve the traffic.

    Attributes:
        name: Such as `as is`, `cache`, `cache and router`, `random router`, `always small-model`.
        calls: Requests that went to a provider, failed ones included.
        hits: Requests answered from the cache.
        cost: US dollars.
        saving: Share of the cost as it is that is not spent; None for the first arm.
        quality: Mean score as a share of that of the arm as it is; None where scores are missing.
        wrong_hits: Share of hits with another score than an answer of their own; None where no
            hit can be judged.
    """

    name: str
    calls: int
    hits: int
    cost: float
    saving: Interval | None = None
    quality: Interval | None = None
    wrong_hits: Interval | None = None


@dataclass(frozen=True, slots=True)
class LeverSaving:
    """What one lever adds, after those before it, as a share of the cost as it is."""

    lever: str
    saving: Interval


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A router's quality at a saving, and that of drawing the models by lot at the same saving."""

    saving: float
    quality: float
    random_quality: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the targets are met, by the bounds.

    Attributes:
        status: PASS only where the lower bounds reach the targets.
        reasons: One line for each bound that was held to a target, or for what is missing.
    """

    status: Status
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """All that a replay measured.

    Attributes:
        source: What was replayed, in words: a file's name, or the demo.
        requests: How many were judged; those that a router was fitted on are not among them.
        fitted_on: Earlier requests that a router and its threshold were fitted on.
        conversations: How many parts the traffic was resampled by.
        began: When the first was sent, in seconds since 1970; None without requests.
        ended: When the last was.
        price_source: Whose prices.
        price_snapshot: The day they were listed; None where unknown.
        keyed: Share of the requests whose repeats can be told, from 0 to 1.
        scored: Share of them that has the scores which the arms need.
        target: Share of the cost to be saved.
        quality_target: Share of the quality to be kept.
        confidence: Of the intervals, such as 0.95.
        resamples: How often the traffic was drawn anew.
        arms: As it is, then each with one lever more.
        comparisons: Rows to compare with: drawn by lot, always the cheaper model.
        levers: What each lever adds, in order.
        curve: The router's quality at each saving; empty without scores.
        verdict: PASS, FAIL or NOT MEASURED.
        notes: What a reader has to know: assumptions, what was left out.
    """

    source: str
    requests: int
    fitted_on: int
    conversations: int
    began: float | None
    ended: float | None
    price_source: str
    price_snapshot: date | None
    keyed: float
    scored: float
    target: float
    quality_target: float
    confidence: float
    resamples: int
    arms: tuple[ArmFigures, ...]
    comparisons: tuple[ArmFigures, ...]
    levers: tuple[LeverSaving, ...]
    curve: tuple[CurvePoint, ...]
    verdict: Verdict
    notes: tuple[str, ...] = ()
