"""One limit, kept as one number: the generic cell rate algorithm, with amounts and refunds.

The algorithm is the virtual scheduling form of ITU-T Recommendation I.371 (and of the ATM Forum's
Traffic Management Specification 4.0, section 4.4.2): each taking moves a theoretical arrival time
on by what it weighs, and a taking conforms when that moment is not too far ahead of the clock.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final, Literal

from tta_dev_primitives.errors import ConfigurationError

# Rounding must not refuse what fits exactly. Early by a thousandth of a unit, or by this many
# seconds where a unit takes less, a taking still conforms.
_ROUNDING_SECONDS: Final = 1e-7
_MOST_MARKS: Final = 512


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests or tokens in so many seconds.

    In any stretch of time as long as `per_seconds`, no more than `amount` and `burst` together
    are let through, however calls fall; in a stretch of any other length, `burst` and the share
    of `amount` that belongs to it.

    Attributes:
        amount: How much in `per_seconds`, on average.
        per_seconds: The stretch of time, in seconds.
        burst: How much at once after a quiet time; `amount` when left out, as the token buckets
            of model providers have it.
        unit: What is counted: a request weighs 1, or its tokens.

    Raises:
        ConfigurationError: A number is not positive and finite, or a burst lets no request through.
    """

    amount: float
    per_seconds: float = 60.0
    burst: float | None = None
    unit: Literal["requests", "tokens"] = "requests"

    def __post_init__(self) -> None:
        for field in ("amount", "per_seconds", "burst"):
            value = getattr(self, field)
            if field == "burst" and value is None:
                continue
            if not 0 < value < math.inf:
                msg = f"{field} must be positive and finite, got {value!r}"
                raise ConfigurationError(msg)
        if self.unit not in ("requests", "tokens"):
            msg = f"unit must be 'requests' or 'tokens', got {self.unit!r}"
            raise ConfigurationError(msg)
        if self.unit == "requests" and self.most_at_once < 1:
            msg = f"a burst of {self.most_at_once!r} lets no request through; set burst=1 or more"
            raise ConfigurationError(msg)

    @property
    def most_at_once(self) -> float:
        """The burst, spelled out."""
        return self.amount if self.burst is None else self.burst

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit} per {self.per_seconds:g}s"


class Meter:
    """How much of a limit is taken.

    Not safe by itself between threads; `rate_gate.Gate` holds a lock around it.

    A refund gives back only what would be free today had it never been taken: what flowed back
    since then, and could not be held because the limit was full, is not given a second time. For
    that the meter remembers how full it was at its low points since the last time it was unused.
    """

    __slots__ = (
        "_levels",
        "_moments",
        "by_token",
        "fixed_cost",
        "interval",
        "limit",
        "span",
        "tat",
        "token_cost",
        "tolerance",
        "unused_at",
    )

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.by_token = limit.unit == "tokens"
        self.interval = limit.per_seconds / limit.amount
        self.fixed_cost = 0.0 if self.by_token else self.interval
        self.token_cost = self.interval if self.by_token else 0.0
        self.span = limit.most_at_once * self.interval
        self.tolerance = self.span + self.slack
        self.tat = -math.inf
        """The theoretical arrival time, in seconds of the clock; behind it while unused."""
        self.unused_at = -math.inf
        """When something was last taken while the limit was unused; earlier takings are history."""
        self._moments: list[float] = []
        self._levels: list[float] = []

    @property
    def slack(self) -> float:
        """How many seconds early a taking may be, so that rounding refuses nothing."""
        return max(self.interval * 1e-3, _ROUNDING_SECONDS)

    def cost(self, tokens: float) -> float:
        """Return the seconds that a request with *tokens* takes of this limit."""
        return self.fixed_cost + self.token_cost * tokens

    def take(self, cost: float, now: float) -> None:
        """Take *cost* seconds, whether they are there or not."""
        tat = self.tat
        if tat > now:
            self._mark(now, tat - now)
            self.tat = tat + cost
        else:
            self.tat = now + cost
            self.unused_at = now

    def give_back(self, cost: float, taken_at: float, now: float) -> None:
        """Give back *cost* seconds of what was taken at *taken_at*, as far as that still counts."""
        if taken_at < self.unused_at:
            return
        levels, moments = self._levels, self._moments
        room = self.tat - now
        first = bisect_right(moments, taken_at)
        if first < len(levels):
            room = min(room, levels[first])
        refund = min(cost, room)
        if refund > 0:
            self.tat -= refund
            # Only low points after the taking would have been lower without it.
            for index in range(first, len(levels)):
                levels[index] -= refund
            while 0 < first < len(levels) and levels[first - 1] >= levels[first]:
                first -= 1
                del levels[first], moments[first]

    def tighten(self, left: float, now: float) -> None:
        """Let no more than *left* units be there."""
        tat = now + self.span - left * self.interval
        if tat > self.tat and tat > now:
            self.take(tat - max(self.tat, now), now)

    def left(self, now: float) -> float:
        """Return how many units could be taken at once."""
        return max(0.0, self.limit.most_at_once - max(0.0, self.tat - now) / self.interval)

    def _mark(self, now: float, backlog: float) -> None:
        levels, moments = self._levels, self._moments
        while levels and levels[-1] >= backlog:
            levels.pop()
            moments.pop()
        levels.append(backlog)
        moments.append(now)
        if len(levels) > _MOST_MARKS:
            # Of two neighbours the lower level at the later moment: a refund may become smaller.
            del levels[1:_MOST_MARKS:2], moments[0:_MOST_MARKS:2]
