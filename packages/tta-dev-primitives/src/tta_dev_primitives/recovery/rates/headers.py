"""What servers tell about their rate limits, in the headers of answers and errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from tta_dev_primitives.errors import RateLimitedError

from .delays import number_in, retry_after, seconds_in

if TYPE_CHECKING:
    from .gate import Gate
    from .gcra import Limit

_LONGEST_PAUSE_SECONDS: Final = 3600.0
_UNITS: Final = {"": "requests", "requests": "requests", "req": "requests", "tokens": "tokens"}


@dataclass(frozen=True, slots=True)
class Quota:
    """What a server says about one limit: how much is left of how much, and until when."""

    unit: str
    left: float
    limit: float | None
    reset: float | None


def is_rate_limited(error: BaseException) -> bool:
    """Tell whether *error* means that a server let too many requests come."""
    if isinstance(error, RateLimitedError):
        return True
    response = getattr(error, "response", None)
    statuses = (
        getattr(error, "status_code", None),
        getattr(error, "status", None),
        getattr(error, "code", None),
        getattr(response, "status_code", None),
    )
    return 429 in statuses


def headers_of(found: object) -> dict[str, str]:
    """Return the headers that an answer or an error carries, names in lower case.

    They are looked for on the object, on its `response`, and for an error on the one it came from.
    """
    places = [found, getattr(found, "response", None)]
    if isinstance(found, BaseException) and found.__cause__ is not None:
        places += [found.__cause__, getattr(found.__cause__, "response", None)]
    for place in places:
        headers = getattr(place, "headers", None)
        if isinstance(headers, Mapping):
            pairs = cast("Mapping[object, object]", headers).items()
            return {str(name).lower(): str(value).strip() for name, value in pairs}
    return {}


def quotas(headers: Mapping[str, str], now: float) -> list[Quota]:
    """Return what *headers* say about limits of requests and tokens; nonsense is passed over.

    Known are `x-ratelimit-remaining[-requests|-tokens]` and its relatives with other words around,
    such as `anthropic-ratelimit-tokens-remaining`.

    Args:
        headers: Names in lower case.
        now: Seconds since 1970.
    """
    found: list[Quota] = []
    for name, value in headers.items():
        words = name.split("-")
        if "ratelimit" not in words or "remaining" not in words:
            continue
        kind = [word for word in words if word not in ("x", "anthropic", "ratelimit", "remaining")]
        unit = _UNITS.get(kind[0] if kind else "")
        left = number_in(value)
        if unit is None or left is None or left < 0:
            continue
        limit = number_in(headers.get(name.replace("remaining", "limit")))
        reset = seconds_in(headers.get(name.replace("remaining", "reset"), ""), now)
        found.append(Quota(unit, left, limit, reset))
    return found


def left_of(limit: Limit, said: list[Quota]) -> float | None:
    """Return how much is left of *limit* by what was *said*, or None where nothing was.

    Of several limits of one unit the one of the same amount is meant, else all of them.
    """
    same_unit = [quota for quota in said if quota.unit == limit.unit]
    same = [quota for quota in same_unit if quota.limit == limit.amount]
    return min((quota.left for quota in same or same_unit), default=None)


def pause_asked(
    error: BaseException, headers: Mapping[str, str], said: list[Quota], now: float
) -> float | None:
    """Return the seconds for which a server wants no requests, at most an hour, or None.

    The error's own `retry_after` counts first, then the headers `retry-after-ms` and
    `retry-after`, then the reset of the limits that are used up.

    Args:
        error: One for which `is_rate_limited`.
        headers: Its headers, names in lower case.
        said: Their `quotas`.
        now: Seconds since 1970.
    """
    own: object = getattr(error, "retry_after", None)
    pause = float(own) if isinstance(own, int | float) and 0 <= own < math.inf else None
    if pause is None:
        pause = retry_after(headers, now)
    if pause is None:
        resets = [quota.reset for quota in said if quota.left <= 0 and quota.reset is not None]
        pause = max(resets, default=None)
    return None if pause is None else min(pause, _LONGEST_PAUSE_SECONDS)


def learn_from_answer(gate: Gate, answer: object, now: float) -> None:
    """Let *gate* know what an answer's headers say is left; *now* in seconds since 1970."""
    headers = headers_of(answer)
    said = quotas(headers, now) if headers else []
    if said:
        gate.tighten(lambda limit: left_of(limit, said))


def learn_from_error(gate: Gate, error: BaseException, now: float) -> None:
    """Let *gate* know what an error says is left, and close it for as long as the server asks.

    Args:
        gate: What let the failed request through.
        error: One for which `is_rate_limited`.
        now: Seconds since 1970.
    """
    headers = headers_of(error)
    said = quotas(headers, now)
    if said:
        gate.tighten(lambda limit: left_of(limit, said))
    pause = pause_asked(error, headers, said, now)
    if pause:
        gate.pause(pause)
