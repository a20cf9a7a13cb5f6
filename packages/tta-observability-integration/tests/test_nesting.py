"""Parents and children, across awaits, tasks and generators."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import random
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from tta_dev_primitives import (
    LambdaPrimitive,
    ParallelPrimitive,
    SequentialPrimitive,
    WorkflowPrimitive,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from conftest import Recorded


def inner_client(recorded: Recorded, name: str = "GET") -> None:
    """Do what an HTTP instrumentation does: a span below whatever is current."""
    recorded.tracer.start_span(name).end()


async def test_steps_of_a_sequence_are_siblings(recorded: Recorded) -> None:
    def one(value: int) -> int:
        return value + 1

    def two(value: int) -> int:
        return value + 2

    await SequentialPrimitive([one, two], name="app").execute(0)
    assert recorded.tree() == ["invoke_workflow app", "  lambda one", "  lambda two"]


async def test_branches_running_at_once_keep_their_own_children(recorded: Recorded) -> None:
    barrier = asyncio.Barrier(2)

    def branch(name: str) -> LambdaPrimitive[Any, Any]:
        async def work(value: object) -> None:
            await barrier.wait()
            inner_client(recorded, f"GET /{name}")
            await barrier.wait()

        return LambdaPrimitive(work, name=name)

    await ParallelPrimitive([branch("a"), branch("b")], name="both").execute(1)
    assert recorded.tree() == [
        "invoke_workflow both",
        "  lambda a",
        "    GET /a",
        "  lambda b",
        "    GET /b",
    ]


async def test_a_users_own_span_is_the_parent_of_the_workflow(recorded: Recorded) -> None:
    with recorded.tracer.start_as_current_span("request"):
        await LambdaPrimitive(lambda x: x, name="step").execute(1)
    assert recorded.tree() == ["request", "  invoke_workflow step"]


async def test_a_step_called_by_hand_nests_below_its_caller(recorded: Recorded) -> None:
    leaf = LambdaPrimitive(lambda x: x, name="leaf")

    async def outer(value: int) -> int:
        return await leaf.execute(value)

    await LambdaPrimitive(outer).execute(1)
    assert recorded.tree() == ["invoke_workflow outer", "  lambda leaf"]


async def test_a_failing_branch_leaves_its_cancelled_sibling_ended(recorded: Recorded) -> None:
    started = asyncio.Event()

    async def waits(value: object) -> None:
        started.set()
        await asyncio.Event().wait()

    async def fails(value: object) -> None:
        await started.wait()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await ParallelPrimitive([waits, fails], name="both").execute(1)
    outcomes = {span.name: (span.attributes or {})["tta.outcome"] for span in recorded.spans}
    assert outcomes == {
        "invoke_workflow both": "error",
        "lambda waits": "cancelled",
        "lambda fails": "error",
    }
    assert recorded.named("lambda waits").status.is_unset


def streaming(recorded: Recorded) -> WorkflowPrimitive[Any, Any]:
    async def prepare(value: int) -> int:
        return value

    async def chunks(value: int) -> AsyncGenerator[str, None]:
        for index in range(value):
            inner_client(recorded, f"GET /{index}")
            yield str(index)
            await asyncio.sleep(0)

    return SequentialPrimitive([prepare, chunks], name="app")


async def test_what_a_stream_does_nests_below_it_and_its_consumer_does_not(
    recorded: Recorded,
) -> None:
    async for chunk in streaming(recorded).stream(2):
        inner_client(recorded, f"consumer {chunk}")
        assert trace.get_current_span() is trace.INVALID_SPAN
    assert recorded.tree() == [
        "invoke_workflow app",
        "  lambda prepare",
        "  lambda chunks",
        "    GET /0",
        "    GET /1",
        "consumer 0",
        "consumer 1",
    ]
    outcomes = [(span.attributes or {}).get("tta.outcome", "none") for span in recorded.spans]
    assert sorted(map(str, outcomes)) == ["none"] * 4 + ["ok"] * 3


async def test_a_closed_stream_ends_its_spans_as_cancelled(recorded: Recorded) -> None:
    stream = streaming(recorded).stream(5)
    assert await anext(stream) == "0"
    await stream.aclose()
    assert recorded.attributes("invoke_workflow app")["tta.outcome"] == "cancelled"
    assert recorded.attributes("lambda chunks")["tta.outcome"] == "cancelled"
    assert recorded.named("lambda chunks").status.is_unset


async def test_a_stream_may_go_from_task_to_task(recorded: Recorded) -> None:
    """Every chunk is taken, and the stream closed, by a task of its own."""
    stream = streaming(recorded).stream(3)
    assert await asyncio.create_task(anext(stream)) == "0"  # pyright: ignore[reportArgumentType]
    assert await asyncio.create_task(anext(stream)) == "1"  # pyright: ignore[reportArgumentType]
    await asyncio.create_task(stream.aclose())  # pyright: ignore[reportArgumentType]
    assert recorded.tree() == [
        "invoke_workflow app",
        "  lambda prepare",
        "  lambda chunks",
        "    GET /0",
        "    GET /1",
    ]


async def test_an_abandoned_stream_ends_when_it_is_collected(recorded: Recorded) -> None:
    stream = streaming(recorded).stream(3)
    assert await anext(stream) == "0"
    del stream
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)
    assert recorded.attributes("invoke_workflow app")["tta.outcome"] == "cancelled"


async def test_a_call_closed_in_a_foreign_context_ends_quietly(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """As when an event loop dies and the collector closes what was pending."""

    async def waits(value: object) -> None:
        await asyncio.Event().wait()

    call = LambdaPrimitive(waits).execute(1)
    contextvars.copy_context().run(call.send, None)
    call.close()
    assert recorded.attributes("invoke_workflow waits")["tta.outcome"] == "cancelled"
    assert caplog.records == []


async def test_a_users_span_nests_and_is_a_parent(recorded: Recorded) -> None:
    async def work(value: int) -> int:
        with recorded.observer.span("parse") as span:
            span.set_attribute("rows", 3)
            inner_client(recorded)
        return value

    await LambdaPrimitive(work).execute(1)
    assert recorded.tree() == ["invoke_workflow work", "  parse", "    GET"]
    assert recorded.attributes("parse") == {"rows": 3}


def test_a_users_span_tells_the_type_of_the_error_that_left_it(recorded: Recorded) -> None:
    with pytest.raises(KeyError), recorded.observer.span("parse"):
        raise KeyError("the prompt")
    assert recorded.attributes("parse") == {"error.type": "KeyError"}
    assert "the prompt" not in recorded.named("parse").to_json()


async def test_a_users_span_across_a_yield_reaches_no_consumer(recorded: Recorded) -> None:
    async def chunks(value: int) -> AsyncGenerator[int, None]:
        with recorded.observer.span("block"):
            for index in range(value):
                yield index

    stream = LambdaPrimitive(chunks).stream(3)
    assert await anext(stream) == 0
    assert trace.get_current_span() is trace.INVALID_SPAN
    await asyncio.create_task(stream.aclose())  # pyright: ignore[reportArgumentType]
    assert recorded.tree() == ["invoke_workflow chunks", "  block"]


async def test_no_mix_of_cancelling_and_closing_loses_a_span_or_logs(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """Two hundred streams, each ended in a way drawn at random, from whichever task."""
    draw = random.Random(7)

    async def consume(stream: AsyncGenerator[Any, None], limit: int) -> None:
        for _ in range(limit):
            await anext(stream, None)

    for _ in range(200):
        workflow = SequentialPrimitive([streaming(recorded)], name="outer")
        stream = workflow.stream(4)
        task = asyncio.create_task(consume(stream, draw.randrange(6)))
        for _ in range(draw.randrange(12)):
            await asyncio.sleep(0)
        if draw.random() < 0.5:
            task.cancel()
        await asyncio.wait((task,))
        await stream.aclose()
    started = [span for span in recorded.spans if span.name.startswith("invoke_workflow")]
    assert len(started) > 100
    assert all("tta.outcome" in (span.attributes or {}) for span in started)
    known = {span.context.span_id for span in recorded.spans if span.context}
    assert all(span.parent.span_id in known for span in recorded.spans if span.parent)
    assert caplog.records == []
