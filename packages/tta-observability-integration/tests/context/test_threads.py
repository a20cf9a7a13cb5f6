"""Runs in threads, and in event loops of their own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from opentelemetry import trace

from tta_dev_primitives import LambdaPrimitive, ParallelPrimitive

if TYPE_CHECKING:
    from ..instrumentations.tracers import Traced  # noqa: TID252 - as in conftest.py


def inner() -> LambdaPrimitive[str, str]:
    return LambdaPrimitive(str.upper, name="inner")


async def test_what_to_thread_runs_is_below_its_step(traced: Traced) -> None:
    """A function that blocks, with a request of an instrumented client in it."""

    def blocks(value: str) -> None:
        with traced.tracer.start_as_current_span(f"GET {value}"):
            pass

    async def step(value: str) -> None:
        await asyncio.to_thread(blocks, value)

    await LambdaPrimitive(step, name="app").execute("x")
    assert traced.tree() == ["invoke_workflow app", "  GET x"]


async def test_a_workflow_that_to_thread_runs_is_below_its_step(traced: Traced) -> None:
    """In an event loop of its own, while the one of the step goes on."""

    async def step(value: str) -> str:
        return await asyncio.to_thread(inner().run, value)

    both = ParallelPrimitive([LambdaPrimitive(step, name=name) for name in "ab"])
    assert await both.execute("x") == ["X", "X"]
    assert traced.tree() == [
        "invoke_workflow Parallel",
        "  lambda a",
        "    lambda inner",
        "  lambda b",
        "    lambda inner",
    ]


async def test_a_loop_inside_a_thread_inside_a_loop_keeps_the_order(traced: Traced) -> None:
    async def innermost(value: str) -> str:
        return await inner().execute(value)

    async def step(value: str) -> str:
        return await asyncio.to_thread(lambda: asyncio.run(innermost(value)))

    await LambdaPrimitive(step, name="app").execute("x")
    assert traced.tree() == ["invoke_workflow app", "  lambda inner"]
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_a_thread_that_copies_no_context_begins_a_trace_of_its_own(traced: Traced) -> None:
    """As `run_in_executor` does it: what is not handed over cannot be known."""

    async def step(value: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(None, inner().run, value)

    await LambdaPrimitive(step, name="app").execute("x")
    assert traced.tree() == ["invoke_workflow app", "invoke_workflow inner"]


def test_a_workflow_per_thread_has_a_trace_per_thread(traced: Traced) -> None:
    """And in none of the threads a span stays current."""
    meet = threading.Barrier(8)
    left: list[object] = []

    def work(number: int) -> None:
        meet.wait()
        for _ in range(20):
            (LambdaPrimitive(str, name=f"s{number}") >> inner()).run(number)
            left.append(trace.get_current_span())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert set(left) == {trace.INVALID_SPAN}
    roots = [span for span in traced.spans if not span.parent_id]
    assert len(roots) == len({span.trace_id for span in traced.spans}) == 160
    for root in roots:
        names = [span.name for span in traced.spans if span.trace_id == root.trace_id]
        assert len(names) == 3
        assert len({name for name in names if name.startswith("lambda s")}) == 1


def test_run_leaves_nothing_current_in_the_context_it_was_called_in(traced: Traced) -> None:
    def request() -> None:
        with traced.tracer.start_as_current_span("request") as span:
            inner().run("x")
            assert trace.get_current_span() is span
        assert trace.get_current_span() is trace.INVALID_SPAN

    contextvars.copy_context().run(request)
    assert traced.tree() == ["request", "  invoke_workflow inner"]
