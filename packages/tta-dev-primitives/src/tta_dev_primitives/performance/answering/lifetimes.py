"""How long an answer is good, and what may be done with it afterwards."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The times of one cache, in seconds.

    The names `stale_while_revalidate` and `stale_if_error` are those of RFC 5861.

    Attributes:
        ttl: How long an answer is fresh; infinity for ever.
        jitter: Largest part of `ttl` that is taken off by chance, from 0 to below 1.
        stale_while_revalidate: How long a stale answer is still given while a new one is made.
        stale_if_error: How long a stale answer is still given when a new one cannot be made.
        negative: How long an error is given again; None for not at all.
        random: Gives numbers from 0 to below 1.
    """

    ttl: float
    jitter: float
    stale_while_revalidate: float
    stale_if_error: float
    negative: float | None
    random: Callable[[], float]

    def __post_init__(self) -> None:
        if not self.ttl > 0:
            msg = f"ttl_seconds must be positive, or None for no limit, got {self.ttl!r}"
            raise ConfigurationError(msg)
        if not 0 <= self.jitter < 1:
            msg = f"ttl_jitter is a part of the ttl, from 0 to below 1, got {self.jitter!r}"
            raise ConfigurationError(msg)
        for name in ("stale_while_revalidate", "stale_if_error"):
            seconds: float = getattr(self, name)
            if not seconds >= 0:
                msg = f"{name} must be 0 or more seconds, got {seconds!r}"
                raise ConfigurationError(msg)
        if self.negative is not None and not 0 < self.negative < math.inf:
            msg = f"negative_ttl must be a positive number of seconds, got {self.negative!r}"
            raise ConfigurationError(msg)

    def of_answer(self, now: float) -> tuple[float, float]:
        """Return until when an answer of *now* is fresh, and until when it is kept."""
        ttl = self.ttl
        if self.jitter and ttl != math.inf:
            ttl -= ttl * self.jitter * self.random()
        fresh_until = now + ttl
        return fresh_until, fresh_until + max(self.stale_while_revalidate, self.stale_if_error)

    def of_error(self, now: float) -> tuple[float, float]:
        """Return the same for an error, which is never stale: it is given or it is gone."""
        until = now + (self.negative or 0.0)
        return until, until

    def may_revalidate(self, fresh_until: float, now: float) -> bool:
        """Tell whether a stale answer may be given now, while a new one is made."""
        return now < fresh_until + self.stale_while_revalidate

    def may_replace_error(self, fresh_until: float, now: float) -> bool:
        """Tell whether a stale answer may be given now instead of an error."""
        return now < fresh_until + self.stale_if_error
