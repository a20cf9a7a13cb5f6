"""Whole runs: whom their root spans belong to, and what their steps know."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from observability_integration.context.headers import context_from_headers, headers_of
from observability_integration.spans.sampling import Sampling
from tta_dev_primitives import LambdaPrimitive, ParallelPrimitive, WorkflowContext

from ..instrumentations.tracers import (  # noqa: TID252 - the tests are no package with a name
    Traced,
    installed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
REQUEST = {"traceparent": f"00-{TRACE}-{SPAN}-01", "baggage": "tenant=a%20b"}


async def test_the_root_span_is_below_the_caller_in_another_process(traced: Traced) -> None:
    await LambdaPrimitive(str.upper, name="app").execute("x", context_from_headers(REQUEST))
    root = traced.named("invoke_workflow app")
    assert (root.trace_id, root.parent_id) == (int(TRACE, 16), int(SPAN, 16))
    assert root.parent_is_remote


async def test_a_current_span_goes_before_the_caller_that_the_context_names(
    traced: Traced,
) -> None:
    """As where a web framework is instrumented and has read the headers itself."""
    with traced.tracer.start_as_current_span("POST /ask"):
        await LambdaPrimitive(str.upper, name="app").execute("x", context_from_headers(REQUEST))
    assert traced.tree() == ["POST /ask", "  invoke_workflow app"]


async def test_a_run_in_a_block_of_the_users_own_is_a_run(traced: Traced) -> None:
    """It is not taken for a call that some other run makes."""

    async def step(value: str, context: WorkflowContext) -> tuple[str | None, object]:
        return context.span_id, baggage.get_baggage("tenant")

    with traced.span("request"):
        known = await LambdaPrimitive(step, name="app").execute("x", context_from_headers(REQUEST))
    assert traced.tree() == ["request", "  invoke_workflow app"]
    assert known == (f"{traced.named('invoke_workflow app').span_id:016x}", "a b")


async def test_steps_know_the_ids_of_their_run(traced: Traced) -> None:
    async def step(value: str, context: WorkflowContext) -> tuple[str | None, str | None]:
        return context.trace_id, context.span_id

    context = WorkflowContext()
    known = await (LambdaPrimitive(str.upper) >> step).execute("x", context)
    root = traced.spans[-1]
    assert known == (f"{root.trace_id:032x}", f"{root.span_id:016x}")
    assert (context.trace_id, context.span_id) == known


async def test_what_is_sent_after_the_run_names_the_run(traced: Traced) -> None:
    context = context_from_headers(REQUEST)
    await LambdaPrimitive(str.upper, name="app").execute("x", context)
    span_id = f"{traced.named('invoke_workflow app').span_id:016x}"
    assert headers_of(context)["traceparent"] == f"00-{TRACE}-{span_id}-01"


async def test_a_run_that_a_run_caused_elsewhere_is_below_it(traced: Traced) -> None:
    """A thread that was begun by hand has no current span; a child context leads the way."""

    async def outer(value: str, context: WorkflowContext) -> str:
        child = context.create_child_context()
        run = threading.Thread(target=lambda: LambdaPrimitive(str.upper, name="in").run("y", child))
        run.start()
        await asyncio.to_thread(run.join)
        return value

    await LambdaPrimitive(outer).execute("x")
    assert traced.tree() == ["invoke_workflow outer", "  invoke_workflow in"]
    assert traced.named("invoke_workflow in").parent_is_remote


async def test_runs_under_one_context_are_siblings(traced: Traced) -> None:
    context = context_from_headers(REQUEST)
    app = LambdaPrimitive(str.upper, name="app")
    for _ in range(3):
        await app.execute("x", context)
    assert {span.parent_id for span in traced.spans} == {int(SPAN, 16)}
    assert {span.trace_id for span in traced.spans} == {int(TRACE, 16)}


async def test_items_of_a_map_know_each_its_own_run(traced: Traced) -> None:
    meet = asyncio.Barrier(2)

    async def step(value: str, context: WorkflowContext) -> str | None:
        await meet.wait()
        return context.span_id

    app = LambdaPrimitive(step, name="app")
    context = context_from_headers(REQUEST)
    known = [item.value async for item in app.map(["a", "b"], context, concurrency=2)]
    assert known == [f"{span.span_id:016x}" for span in sorted(traced.spans, key=_start)]
    assert {span.parent_id for span in traced.spans} == {int(SPAN, 16)}


async def test_a_call_below_a_users_own_span_does_not_take_the_place_of_the_run(
    traced: Traced,
) -> None:
    """What a step learns after the call is the root's id, as before."""

    async def step(value: str, context: WorkflowContext) -> tuple[str | None, str | None]:
        before = context.span_id
        with traced.span("block"):
            await LambdaPrimitive(str.upper, name="leaf").execute(value, context)
        return before, context.span_id

    before, after = await LambdaPrimitive(step, name="app").execute("x")
    assert traced.tree() == ["invoke_workflow app", "  block", "    lambda leaf"]
    assert before == after


async def test_baggage_is_opentelemetrys_while_the_run_lasts(traced: Traced) -> None:
    seen: list[object] = []

    async def step(value: str) -> None:
        seen.append(baggage.get_baggage("tenant"))

    both = ParallelPrimitive([step, LambdaPrimitive(step)])
    await (LambdaPrimitive(str.upper) >> both).execute("x", context_from_headers(REQUEST))
    assert seen == ["a b", "a b"]
    assert dict(baggage.get_all()) == {}


async def test_chunks_of_a_stream_are_made_with_the_baggage_and_taken_without(
    traced: Traced,
) -> None:
    async def chunks(value: str):
        for _ in range(2):
            yield baggage.get_baggage("tenant")

    stream = LambdaPrimitive(chunks).stream("x", context_from_headers(REQUEST))
    async for chunk in stream:
        assert chunk == "a b"
        assert dict(baggage.get_all()) == {}


def _by_us(context: WorkflowContext) -> dict[str, str]:
    return headers_of(context)


def _by_opentelemetry(context: WorkflowContext) -> dict[str, str]:
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    W3CBaggagePropagator().inject(carrier)
    return carrier


@pytest.mark.parametrize("sent_by", [_by_us, _by_opentelemetry], ids=["us", "opentelemetry"])
async def test_a_step_hands_the_run_on_with_itself_as_the_parent(
    traced: Traced, sent_by: Callable[[WorkflowContext], dict[str, str]]
) -> None:
    async def step(value: str, context: WorkflowContext) -> dict[str, str]:
        return sent_by(context)

    app = LambdaPrimitive(str.upper) >> LambdaPrimitive(step, name="send")
    sent = await app.execute("x", context_from_headers({**REQUEST, "tracestate": "v=1"}))
    assert sent["traceparent"] == f"00-{TRACE}-{traced.named('lambda send').span_id:016x}-01"
    assert sent["tracestate"] == "v=1"
    assert sent["baggage"] in ("tenant=a%20b", "tenant=a+b")


async def test_a_caller_that_is_not_recorded_is_obeyed() -> None:
    """Its part of the trace would be an orphan. What goes on says so too."""
    sent: list[dict[str, str]] = []

    async def step(value: str, context: WorkflowContext) -> None:
        sent.append(headers_of(context))

    for kind in ("sdk", "own"):
        with installed(kind) as traced:
            request = {"traceparent": f"00-{TRACE}-{SPAN}-00"}
            await LambdaPrimitive(step).execute("x", context_from_headers(request))
        assert traced.spans == []
    assert {headers["traceparent"][-3:] for headers in sent} == {"-00"}
    assert {headers["traceparent"][3:35] for headers in sent} == {TRACE}


async def test_a_caller_that_is_recorded_is_obeyed_by_one_who_records_little() -> None:
    with installed("own", Sampling(ratio=0.0)) as traced:
        await LambdaPrimitive(str.upper).execute("x", context_from_headers(REQUEST))
        await LambdaPrimitive(str.upper).execute("x")
    assert [span.parent_id for span in traced.spans] == [int(SPAN, 16)]


def _start(span: object) -> int:
    return span.start_ns  # pyright: ignore[reportAttributeAccessIssue]
