"""Rate limits per model, and the headers each provider tells them by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tta_dev_primitives.testing.llm_server.values import Provider, ServedModel

_STATED_REQUESTS = 10_000
_STATED_TOKENS = 2_000_000

Headers = list[tuple[str, str]]


class Allowance:
    """A bucket that holds one minute's worth and refills evenly."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self.per_minute, self._clock = per_minute, clock
        self._left, self._at = float(per_minute), clock()

    def left(self) -> float:
        """How much may be spent now; below 0 after overspending."""
        now = self._clock()
        refill = max(0.0, now - self._at) * self.per_minute / 60
        self._left, self._at = min(float(self.per_minute), self._left + refill), now
        return self._left

    def wait_for(self, amount: float) -> float:
        """Seconds until *amount*, or the whole bucket if that is less, may be spent."""
        missing = min(amount, self.per_minute) - self.left()
        return max(0.0, missing) * 60 / self.per_minute

    def spend(self, amount: float) -> None:
        """Take *amount*; the debt never exceeds one minute's worth."""
        self._left = max(-float(self.per_minute), self.left() - amount)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The two allowances of one model."""

    requests: Allowance
    tokens: Allowance
    enforced: bool

    @classmethod
    def of(cls, model: ServedModel, clock: Callable[[], float]) -> RateLimits:
        """Set the limits of *model* up, full."""
        return cls(
            Allowance(model.requests_per_minute or _STATED_REQUESTS, clock),
            Allowance(model.tokens_per_minute or _STATED_TOKENS, clock),
            enforced=model.requests_per_minute is not None or model.tokens_per_minute is not None,
        )

    def wait(self, tokens: int) -> float:
        """Seconds until a request with *tokens* may pass; 0 where nothing is enforced."""
        if not self.enforced:
            return 0.0
        return max(self.requests.wait_for(1), self.tokens.wait_for(tokens))

    def spend(self, tokens: int) -> None:
        """Count one request with *tokens*."""
        self.requests.spend(1)
        self.tokens.spend(tokens)

    def headers(
        self, provider: Provider, now: float, exhausted_for: float | None = None
    ) -> Headers:
        """Tell what is left, or that nothing is for *exhausted_for* seconds."""
        found: Headers = []
        for name, allowance in (("requests", self.requests), ("tokens", self.tokens)):
            full = allowance.per_minute
            left = max(0, math.floor(allowance.left()))
            reset = (full - left) * 60 / full
            if exhausted_for is not None:
                left, reset = 0, exhausted_for
            if provider == "openai":
                found += [
                    (f"x-ratelimit-limit-{name}", str(full)),
                    (f"x-ratelimit-remaining-{name}", str(left)),
                    (f"x-ratelimit-reset-{name}", go_duration(reset)),
                ]
            else:
                found += [
                    (f"anthropic-ratelimit-{name}-limit", str(full)),
                    (f"anthropic-ratelimit-{name}-remaining", str(left)),
                    (f"anthropic-ratelimit-{name}-reset", rfc3339(now + reset)),
                ]
        return found


def go_duration(seconds: float) -> str:
    """Write seconds as OpenAI's headers do: `6ms`, `1.5s`, `1m13.588s`, `2h0m0s`."""
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "0s"
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:g}s" if rest % 1000 == 0 else f"{rest / 1000:.3f}".rstrip("0") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def rfc3339(timestamp: float) -> str:
    """Write a Unix time as Anthropic's headers do, the second begun counted."""
    return datetime.fromtimestamp(math.ceil(timestamp), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def retry_after(wait: float | str | None, provider: Provider) -> Headers:
    """Ask for a wait: seconds as they are, a text verbatim, nothing for None."""
    if wait is None:
        return []
    if isinstance(wait, str):
        return [("retry-after", wait)]
    found = [("retry-after", f"{wait:g}")]
    if provider == "openai":
        found.append(("retry-after-ms", f"{wait * 1000:.0f}"))
    return found
