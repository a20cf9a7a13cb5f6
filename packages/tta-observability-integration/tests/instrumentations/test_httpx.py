"""Requests of httpx, instrumented, under primitives."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import httpx
import pytest

from observability_integration.context.headers import context_from_headers
from tta_dev_primitives import (
    FallbackPrimitive,
    LambdaPrimitive,
    ParallelPrimitive,
    RetryPrimitive,
    RetryStrategy,
    TimeoutPrimitive,
    WorkflowPrimitive,
)
from tta_dev_primitives.errors import PrimitiveError
from tta_dev_primitives.recovery.hedge import HedgePrimitive

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import Any

    from .site import Site
    from .tracers import Traced

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


def asks(client: httpx.AsyncClient, path: str) -> WorkflowPrimitive[Any, Any]:
    async def ask(_: object) -> str:
        answer = await client.get(path)
        return answer.raise_for_status().text

    return LambdaPrimitive(ask, name=f"ask {path}")


def parents_match(traced: Traced, site: Site) -> bool:
    """Tell whether the server saw just the spans of the requests, each as a parent."""
    requests = sorted(span.span_id for span in traced.spans if span.name == "GET")
    return sorted(request.parent_id for request in site.requests) == requests


async def test_a_request_is_below_the_step_that_makes_it(
    traced: Traced, site: Site, client: httpx.AsyncClient
) -> None:
    app = LambdaPrimitive(str.upper, name="first") >> asks(client, "/a") >> asks(client, "/b")
    await app.execute("x")
    assert traced.tree() == [
        "invoke_workflow Sequential",
        "  lambda ask /a",
        "    GET",
        "  lambda ask /b",
        "    GET",
        "  lambda first",
    ]
    assert parents_match(traced, site)


async def test_the_trace_of_a_caller_goes_on_to_the_server(
    traced: Traced, site: Site, client: httpx.AsyncClient
) -> None:
    """With all of it: the trace, who asks, and the baggage."""
    headers = {
        "traceparent": f"00-{TRACE}-{SPAN}-01",
        "tracestate": "v=1",
        "baggage": "tenant=blue",
    }
    await asks(client, "/a").execute("x", context_from_headers(headers))
    sent = site.requests[0].headers
    assert sent["traceparent"].split("-")[1] == TRACE
    assert (sent["tracestate"], sent["baggage"]) == ("v=1", "tenant=blue")
    assert parents_match(traced, site)


async def test_branches_side_by_side_keep_their_requests_apart(
    traced: Traced, site: Site, client: httpx.AsyncClient
) -> None:
    await ParallelPrimitive([asks(client, f"/{name}") for name in "abc"]).execute("x")
    assert traced.tree() == [
        "invoke_workflow Parallel",
        *(line for name in "abc" for line in (f"  lambda ask /{name}", "    GET")),
    ]
    assert parents_match(traced, site)


async def test_each_attempt_of_a_retry_has_its_own_request(
    traced: Traced, site: Site, client: httpx.AsyncClient
) -> None:
    strategy = RetryStrategy(max_retries=2, initial_delay=0.001)
    await RetryPrimitive(asks(client, "/fails/2"), strategy).execute("x")
    below = [line for line in traced.tree() if line.startswith("  ")]
    assert len(below) == 6
    assert [line.strip() == "GET" for line in below] == [False, True] * 3
    assert parents_match(traced, site)


async def test_a_request_that_a_timeout_cancels_is_ended_below_its_step(
    traced: Traced, site: Site, client: httpx.AsyncClient
) -> None:
    late = TimeoutPrimitive(asks(client, "/never"), timeout_seconds=0.1)
    with pytest.raises(PrimitiveError):
        await late.execute("x")
    assert traced.tree() == ["invoke_workflow Timeout", "  lambda ask /never", "    GET"]
    assert parents_match(traced, site)


async def test_the_request_of_a_fallback_is_below_the_fallback(
    traced: Traced, site: Site, client: httpx.AsyncClient
) -> None:
    await FallbackPrimitive(asks(client, "/fails/9"), asks(client, "/b")).execute("x")
    assert [line.strip() for line in traced.tree()] == [
        "invoke_workflow Fallback",
        "lambda ask /b",
        "GET",
        "lambda ask /fails/9",
        "GET",
    ]
    assert parents_match(traced, site)


async def test_both_calls_of_a_hedge_have_their_own_request(
    traced: Traced, site: Site, client: httpx.AsyncClient
) -> None:
    """The first never comes back, and is cancelled when the second has won."""
    await HedgePrimitive(asks(client, "/waits"), delay=0.05).execute("x")
    assert [line.strip() for line in traced.tree()][1:] == ["lambda ask /waits", "GET"] * 2
    assert parents_match(traced, site)


def reads(client: httpx.AsyncClient, path: str) -> WorkflowPrimitive[Any, Any]:
    async def read(_: object) -> AsyncGenerator[str, None]:
        async with client.stream("GET", path) as answer:
            async for chunk in answer.aiter_text():
                yield chunk

    return LambdaPrimitive(read, name="read")


async def test_the_request_of_a_stream_is_below_the_stream(
    traced: Traced, site: Site, client: httpx.AsyncClient
) -> None:
    """And what its consumer asks for between two chunks is not."""
    app = asks(client, "/first") >> reads(client, "/chunks/3")
    async for _ in app.stream("x"):
        await client.get("/consumer")
    tree = traced.tree()
    assert tree[: tree.index("invoke_workflow Sequential")] == ["GET"] * len(
        site.asked("/consumer")
    )
    assert tree[tree.index("invoke_workflow Sequential") :] == [
        "invoke_workflow Sequential",
        "  lambda ask /first",
        "    GET",
        "  lambda read",
        "    GET",
    ]
    assert parents_match(traced, site)


async def test_a_request_from_between_two_chunks_is_below_the_stream(
    traced: Traced, site: Site, client: httpx.AsyncClient
) -> None:
    async def pages(_: object) -> AsyncGenerator[str, None]:
        for number in range(3):
            yield (await client.get(f"/page/{number}")).text

    stream = LambdaPrimitive(pages, name="pages").stream("x")
    for _ in range(2):
        await asyncio.create_task(anext(stream))  # pyright: ignore[reportArgumentType]
    await stream.aclose()
    assert traced.tree() == ["invoke_workflow pages", "  GET", "  GET"]
    assert parents_match(traced, site)


async def test_a_stream_that_is_cancelled_in_a_request_ends_it_below_itself(
    traced: Traced, site: Site, client: httpx.AsyncClient
) -> None:
    async def consume() -> None:
        async with contextlib.aclosing(reads(client, "/never").stream("x")) as stream:
            async for _ in stream:
                pass

    task = asyncio.create_task(consume())
    await site.was_asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert traced.tree() == ["invoke_workflow read", "  GET"]
    assert parents_match(traced, site)
