"""The routes of a router as its decisions see them: what is known, measured and suspended."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .models import Model, Tier
    from .needs import Needs

HIGH, MEDIAN = 0.9, 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One route as a decision saw it.

    Attributes:
        name: Name of the route.
        score: What the strategy compared, lower is better: US dollars, seconds, or steps away
            from the wanted tier. None where there is none: unpriced, unmeasured, a function.
        excluded_because: Why a filter put it aside; None for a route that was compared.
        model: What is known of the model behind the route.
    """

    name: str
    score: float | None = None
    excluded_because: str | None = None
    model: Model | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a router would send a call, and why.

    Attributes:
        selected: Name of the route; None when none fits.
        reason: Why this one, in a few words.
        strategy: Name of the strategy.
        candidates: Every route, in the order given.
    """

    selected: str | None
    reason: str
    strategy: str
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class NothingFits:
    """What stands for the route in a `RouteNotFoundError` when no route can do what is needed."""

    reasons: Mapping[str, str]

    def __repr__(self) -> str:
        told = "; ".join(f"{name!r}: {reason}" for name, reason in self.reasons.items())
        return f"this request ({told})"


class LatencyWindow:
    """Quantiles of the last few calls of a route.

    After *max_age_seconds* without a call the route counts as unmeasured again, so one slow
    moment does not shut it out for good.

    Args:
        size: How many calls are remembered.
        max_age_seconds: How long the newest of them speaks for the route.
    """

    __slots__ = ("_max_age", "_recent", "_sorted", "fresh_until", "high", "median")

    def __init__(self, size: int = 64, max_age_seconds: float = 300.0) -> None:
        self._recent: deque[float] = deque(maxlen=size)
        self._sorted: list[float] = []
        self._max_age = max_age_seconds
        self.fresh_until = -math.inf
        self.high, self.median = math.inf, math.inf

    def add(self, seconds: float, now: float) -> None:
        """Take the duration of one call that ended at *now*."""
        recent, ordered = self._recent, self._sorted
        if now >= self.fresh_until:
            recent.clear()
            ordered.clear()
        elif len(recent) == recent.maxlen:
            del ordered[bisect_left(ordered, recent[0])]
        recent.append(seconds)
        insort(ordered, seconds)
        last = len(ordered) - 1
        self.high, self.median = ordered[math.ceil(last * HIGH)], ordered[int(last * MEDIAN)]
        self.fresh_until = now + self._max_age

    def add_at_least(self, seconds: float, now: float) -> None:
        """Take a call that was cut off after *seconds*: it counts if that is already slow."""
        if now >= self.fresh_until or seconds > self.high:
            self.add(seconds, now)


class RouteState:
    """What a router knows of one route, flat for the sake of speed."""

    __slots__ = (
        "cooled_cause",
        "cooled_since",
        "cooled_until",
        "features",
        "input_price",
        "latency",
        "model",
        "name",
        "output_price",
        "tier",
        "under_way",
        "window",
    )

    def __init__(self, name: str, model: Model | None, tier: Tier | None) -> None:
        self.name, self.model, self.tier = name, model, tier
        window = None if model is None else model.context_window
        self.window: float = math.inf if window is None else window
        self.features = None if model is None else model.features
        self.input_price, self.output_price = math.inf, math.inf
        self.latency = LatencyWindow()
        self.under_way = 0
        self.cooled_since, self.cooled_until, self.cooled_cause = -math.inf, -math.inf, ""

    def succeeded(self, began: float, seconds: float, now: float) -> None:
        """Take a call that came through: it ends a cooldown, unless it is older than that."""
        self.latency.add(seconds, now)
        if began >= self.cooled_since:
            self.cooled_until = -math.inf

    def cool_down(self, error: Exception, now: float, at_least: float) -> None:
        """Put the route last for *at_least* seconds, longer where *error* says so."""
        pause = max(at_least, getattr(error, "retry_after", None) or 0.0)
        self.cooled_since, self.cooled_cause = now, type(error).__name__
        self.cooled_until = max(self.cooled_until, now + pause)

    def unfit(self, needs: Needs) -> str | None:
        """Say why the route can not do what is needed; None when it can, or nobody knows."""
        tokens_in, tokens_out, features, asked = needs
        if self.window < tokens_in + (tokens_out or 0):
            return (
                f"its context window of {self.window} tokens is less than the "
                f"{tokens_in + (tokens_out or 0)} needed"
            )
        if self.features is not None and not features <= self.features:
            return f"it has no {' and no '.join(sorted(features - self.features))}"
        if asked is not None and self.model is not None and self.model.id != asked:
            return f"it calls {self.model.id!r} and the request asks for {asked!r}"
        return None

    def unwell(self, now: float, left: float) -> str | None:
        """Say why the route had better wait; None when all is well."""
        if self.cooled_until > now:
            return f"cooling down for {self.cooled_until - now:.3g}s after {self.cooled_cause}"
        if now < self.latency.fresh_until and self.latency.median > left:
            return f"its median of {self.latency.median:.3g}s is more than the {left:.3g}s left"
        return None
