from __future__ import annotations

import pytest

from tta_dev_primitives.errors import (
    RateLimitExceededError,
)
from tta_dev_primitives.recovery.rate_limit import Limit
from tta_dev_primitives.testing.clock import FakeClock

from .limited_calls import admitted, refusing


async def test_each_key_has_its_own_limit(clock: FakeClock) -> None:
    limiter = refusing(clock, Limit(2), key=lambda x, context: x)
    assert [await admitted(limiter, 5, user) for user in ("ann", "bob", "ann")] == [2, 2, 0]
    with pytest.raises(RateLimitExceededError):
        await limiter.acquire(key="bob")
    await limiter.acquire(key="carl")


async def test_keys_that_could_as_well_be_new_are_forgotten_first(clock: FakeClock) -> None:
    """Memory is bounded, and a customer over the limit is not let off for it."""
    limiter = refusing(clock, Limit(1, per_seconds=60), key=lambda x, context: x, max_keys=4)
    await limiter.execute("quiet")
    clock.advance(60)
    for user in ("a", "b", "c"):
        await limiter.execute(user)
    for newcomer in range(20):
        await limiter.execute(newcomer)
        clock.advance(1)
        assert len(limiter._gates) <= 4
        if newcomer == 0:
            assert [await admitted(limiter, 1, user) for user in ("a", "b", "c")] == [0, 0, 0]


async def test_keys_in_use_stay_while_there_are_others_to_forget(clock: FakeClock) -> None:
    """However old a key is: only that nothing is known of it makes it worth forgetting."""
    limiter = refusing(clock, Limit(1, per_seconds=60), key=lambda x, context: x, max_keys=20)
    users = range(20)
    assert sum([await admitted(limiter, 1, user) for user in users]) == 20
    clock.advance(60)
    assert sum([await admitted(limiter, 1, user) for user in users[:10]]) == 10
    for newcomer in "abcdefghij":
        await limiter.execute(newcomer)
    assert sum([await admitted(limiter, 1, user) for user in users[:10]]) == 0


async def test_key_is_forgotten_even_if_all_are_in_use(clock: FakeClock) -> None:
    """Memory has a bound that no crowd of customers can move."""
    limiter = refusing(clock, Limit(1, per_seconds=60), key=lambda x, context: x, max_keys=100)
    assert sum([await admitted(limiter, 1, user) for user in range(300)]) == 300
    assert len(limiter._gates) == 100
