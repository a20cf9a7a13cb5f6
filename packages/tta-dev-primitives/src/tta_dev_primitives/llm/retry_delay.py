"""How long a provider asks to wait, read from the headers of an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tta_dev_primitives.recovery.rates.delays import number_in, retry_after, seconds_in

if TYPE_CHECKING:
    from collections.abc import Mapping

# `x-ratelimit-reset-tokens` and `anthropic-ratelimit-tokens-reset` say the same thing.
_RESET = re.compile(r"(?P<head>.*ratelimit.*?)-reset(?P<tail>-.*)?")


def retry_delay(headers: Mapping[str, str], now: float, *, limits: bool) -> float | None:
    """Return the seconds to wait, or None where the headers do not say.

    `retry-after-ms` goes before `retry-after`, and that before the reset times of rate limits. Of
    several limits the one counts of which the smallest part is left; of several used up, the one
    that takes longest. Values that are no times, as in scrubbed recordings, are passed over.

    Args:
        headers: Those of the error's response, names in lower case or found in any case.
        now: Seconds since 1970.
        limits: Whether to read the reset times; they say something only where a limit was hit.
    """
    delay = retry_after(headers, now)
    if delay is not None:
        return delay
    return _until_reset(headers, now) if limits else None


def _until_reset(headers: Mapping[str, str], now: float) -> float | None:
    found: list[tuple[float, float]] = []
    for name, value in headers.items():
        matched = _RESET.fullmatch(name.lower())
        if matched is None:
            continue
        delay = seconds_in(value, now)
        if delay is not None:
            found.append((_part_left(headers, matched["head"], matched["tail"] or ""), -delay))
    return -min(found)[1] if found else None


def _part_left(headers: Mapping[str, str], head: str, tail: str) -> float:
    """Return which part of a limit is left, 1 where the headers do not say."""
    left = number_in(headers.get(f"{head}-remaining{tail}"))
    limit = number_in(headers.get(f"{head}-limit{tail}"))
    if left is None:
        return 1.0
    if left <= 0:
        return 0.0
    return min(1.0, left / limit) if limit else 1.0
