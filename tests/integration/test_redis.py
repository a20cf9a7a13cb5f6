"""A cache on a real Redis, as two services of one application would use it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives import CachePrimitive

pytestmark = pytest.mark.service("redis")


class Model:
    """Answers after a while, and is paid by the call."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def __call__(self, word: str) -> dict[str, int]:
        self.calls.append(word)
        await asyncio.sleep(0.05)
        return {word: len(word)}


@pytest.fixture
async def services(redis_url: str) -> AsyncIterator[tuple[Any, Any, Model]]:
    """Two services with a cache each, and the model that both ask."""
    model = Model()
    options: dict[str, Any] = {
        "backend": "redis",
        "redis_url": redis_url,
        "namespace": str(uuid.uuid4()),
        "single_flight": "cluster",
        "tags": ["words"],
        "ttl_seconds": 60,
    }
    async with CachePrimitive(model, **options) as one, CachePrimitive(model, **options) as other:
        yield one, other, model
        await one.clear()


async def test_what_one_service_has_bought_the_other_need_not_buy_again(
    services: tuple[Any, Any, Model],
) -> None:
    one, other, model = services
    assert await one.execute("tent") == {"tent": 4}
    assert await other.execute("tent") == {"tent": 4}
    assert model.calls == ["tent"]


async def test_both_at_the_same_time_buy_once(services: tuple[Any, Any, Model]) -> None:
    one, other, model = services
    asked = [service.execute("tent") for service in (one, other) for _ in range(50)]
    assert await asyncio.gather(*asked) == [{"tent": 4}] * 100
    assert model.calls == ["tent"]


async def test_what_one_service_deletes_is_gone_for_the_other(
    services: tuple[Any, Any, Model],
) -> None:
    one, other, model = services
    await one.execute("tent")
    assert await other.delete_tags("words") == 1
    await one.execute("tent")
    assert model.calls == ["tent", "tent"]


async def test_a_redis_that_is_away_costs_the_cache_but_not_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The step runs, the caller gets the answer, one warning says why it was not kept."""
    cache = CachePrimitive(str.upper, backend="redis", redis_url="redis://127.0.0.1:1/0")
    async with cache:
        assert [await cache.execute("tent"), await cache.execute("tent")] == ["TENT", "TENT"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
