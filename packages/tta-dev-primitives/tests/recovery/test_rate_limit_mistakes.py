from __future__ import annotations

import math
from typing import Any

import pytest

from tta_dev_primitives.errors import (
    ConfigurationError,
)
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive, used_tokens

from .limited_calls import echo, tokens

TOKENS = Limit(9, unit="tokens")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limits": []}, "limits is empty"),
        ({"limits": [TOKENS]}, "needs estimate="),
        ({"limits": [Limit(9)], "estimate": tokens}, "need a limit of tokens"),
        ({"limits": [Limit(9)], "actual": used_tokens}, "need a limit of tokens"),
        ({"limits": [Limit(9)], "max_wait_seconds": -1}, "max_wait_seconds .* got -1"),
        ({"limits": [Limit(9)], "max_wait_seconds": math.nan}, "max_wait_seconds .* got nan"),
        ({"limits": [Limit(9)], "max_keys": 0}, "max_keys .* got 0"),
    ],
    ids=["no-limit", "no-estimate", "estimate", "actual", "negative", "nan", "no-keys"],
)
def test_mistakes_are_told_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        RateLimitPrimitive(echo, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"amount": 0}, "amount must be positive and finite, got 0"),
        ({"amount": math.inf}, "amount .* got inf"),
        ({"amount": math.nan}, "amount .* got nan"),
        ({"amount": 1, "per_seconds": -1}, "per_seconds .* got -1"),
        ({"amount": 1, "burst": 0}, "burst .* got 0"),
        ({"amount": 0.5}, "a burst of 0.5 lets no request through"),
        ({"amount": 1, "unit": "bytes"}, "unit .* got 'bytes'"),
    ],
    ids=["zero", "endless", "nan", "backwards", "no-burst", "half-a-request", "unit"],
)
def test_impossible_limits_are_told(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Limit(**arguments)


@pytest.mark.parametrize("estimate", [-1, math.nan, math.inf], ids=str)
async def test_estimate_that_is_no_number_of_tokens_is_told(estimate: float) -> None:
    """A negative estimate would fill the limit instead of using it."""
    limiter = RateLimitPrimitive(echo, limits=[TOKENS], estimate=lambda x, context: estimate)
    with pytest.raises(ConfigurationError, match="estimate must give a number of tokens"):
        await limiter.execute("x")
    with pytest.raises(ConfigurationError, match="tokens must give a number of tokens"):
        await limiter.acquire(estimate)


async def test_policy_without_a_step_says_so() -> None:
    with pytest.raises(ConfigurationError, match="wraps nothing yet"):
        await RateLimitPrimitive(limits=[Limit(9)]).execute("x")
