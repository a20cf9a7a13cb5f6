"""Commands of redis-py, instrumented, under primitives, against a real server."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tta_dev_primitives import (
    LambdaPrimitive,
    ParallelPrimitive,
    RetryPrimitive,
    RetryStrategy,
    WorkflowPrimitive,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import Any

    import redis.asyncio

    from .tracers import Traced

pytestmark = pytest.mark.service("redis")


@pytest.fixture
def key() -> str:
    """A name that nobody else uses on the server."""
    return f"test {uuid.uuid4()}"


def gets(client: redis.asyncio.Redis, key: str, name: str = "get") -> WorkflowPrimitive[Any, Any]:
    async def get(_: object) -> object:
        return await client.get(key)

    return LambdaPrimitive(get, name=name)


async def test_a_command_is_below_the_step_that_sends_it(
    traced: Traced, redis_client: redis.asyncio.Redis, key: str
) -> None:
    async def put(value: str) -> None:
        await redis_client.set(key, value, ex=60)

    app = LambdaPrimitive(put, name="put") >> gets(redis_client, key)
    assert await app.execute("x") == b"x"
    assert traced.tree() == [
        "invoke_workflow Sequential",
        "  lambda get",
        "    GET",
        "  lambda put",
        "    SET",
    ]


async def test_a_pipeline_is_one_span_below_its_step(
    traced: Traced, redis_client: redis.asyncio.Redis, key: str
) -> None:
    async def both(value: str) -> None:
        async with redis_client.pipeline() as pipeline:
            pipeline.set(key, value, ex=60)
            pipeline.get(key)
            await pipeline.execute()

    await LambdaPrimitive(both, name="both").execute("x")
    assert traced.tree() == ["invoke_workflow both", "  SET GET"]


async def test_branches_side_by_side_keep_their_commands_apart(
    traced: Traced, redis_client: redis.asyncio.Redis, key: str
) -> None:
    steps = [gets(redis_client, key, name) for name in "abc"]
    await ParallelPrimitive(steps).execute("x")
    assert traced.tree() == [
        "invoke_workflow Parallel",
        *(line for name in "abc" for line in (f"  lambda {name}", "    GET")),
    ]


async def test_each_attempt_of_a_retry_has_its_own_command(
    traced: Traced, redis_client: redis.asyncio.Redis, key: str
) -> None:
    async def unlucky(_: object) -> object:
        count = await redis_client.incr(key)
        if count < 3:
            raise ConnectionError
        return count

    strategy = RetryStrategy(max_retries=2, initial_delay=0.001)
    step = LambdaPrimitive(unlucky, name="count")
    assert await RetryPrimitive(step, strategy).execute("x") == 3
    await redis_client.delete(key)
    below = [line for line in traced.tree() if line.startswith("  ")]
    assert [line.strip() == "INCRBY" for line in below] == [False, True] * 3


async def test_a_command_from_between_two_chunks_is_below_the_stream(
    traced: Traced, redis_client: redis.asyncio.Redis, key: str
) -> None:
    async def chunks(_: object) -> AsyncGenerator[object, None]:
        for _ in range(2):
            yield await redis_client.get(key)

    async for _ in LambdaPrimitive(chunks, name="chunks").stream("x"):
        await redis_client.exists(key)
    assert traced.tree() == ["EXISTS", "EXISTS", "invoke_workflow chunks", "  GET", "  GET"]
