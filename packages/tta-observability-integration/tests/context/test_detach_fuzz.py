"""No ending of a stream or a call leaves a span behind, current, or below the wrong one.

"Failed to detach context" is what OpenTelemetry writes when a span is current across a `yield` and
the generator is closed in another task than it began in.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace

from ..instrumentations.tracers import (  # noqa: TID252 - the tests are no package with a name
    KINDS,
    Seen,
    Traced,
    TracerKind,
    installed,
)
from .endings import ENDINGS
from .random_runs import RandomRun

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

RUNS = 10_000 if os.environ.get("TTA_LONG") == "1" else 300
BATCHES = 4
PATH = "tta.primitive.path"


@pytest.fixture(autouse=True)
def quick_collections() -> Iterator[None]:
    """Let the collector of garbage look at what the test makes only."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("kind", KINDS)
async def test_no_ending_loses_a_span_or_leaves_one_current(
    kind: TracerKind, batch: int, caplog: pytest.LogCaptureFixture
) -> None:
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, about: complaints.append(about))
    for seed in range(batch, RUNS, BATCHES):
        with installed(kind) as traced:
            run = RandomRun(seed, traced)
            ending = ENDINGS[seed % len(ENDINGS)]
            where = f"seed {seed}, {ending.__name__}, {kind}"
            await end(run, ending, where)
            hold_all(run, traced, where)
        assert [record.getMessage() for record in caplog.records] == [], where
        assert [about for about in complaints if not expected(about)] == [], where


def expected(about: dict[str, Any]) -> bool:
    """Tell whether the event loop reports what a workflow raised when nobody listened any more."""
    return isinstance(about.get("exception"), ValueError)


async def end(run: RandomRun, ending: Callable[..., Awaitable[None]], where: str) -> None:
    """Run and end a workflow, below a span or at the top, and see what is current afterwards."""
    span = trace.INVALID_SPAN
    if run.draw.random() < 0.5:
        run.users_spans += 1
        span = run.traced.tracer.start_span("outer")
    token = otel_context.attach(trace.set_span_in_context(span))
    before = otel_context.get_current()
    try:
        with contextlib.suppress(Exception):
            await ending(run.workflow, run.draw)
        await settle()
        run.wait_for_threads()
        assert otel_context.get_current() is before, where
        assert trace.get_current_span() is span, where
    finally:
        otel_context.detach(token)
    span.end()


async def settle() -> None:
    """Wait until nothing runs but this.

    What is collected is closed in tasks of the loop, which may drop more that is to be closed.
    """
    quiet, left = 0, 10_000
    while quiet < 8:
        if quiet in (0, 4):
            gc.collect()
        await asyncio.sleep(0 if len(asyncio.all_tasks()) == 1 else 0.001)
        quiet = quiet + 1 if len(asyncio.all_tasks()) == 1 else 0
        left -= 1
        assert left, asyncio.all_tasks()


def hold_all(run: RandomRun, traced: Traced, where: str) -> None:
    """Each span ended once, below the one it belongs to."""
    assert len(traced.spans) == len(traced.begun) + run.users_spans, where
    assert set(traced.ended().values()) <= {1}, where
    known = {span.span_id: span for span in traced.spans}
    for span in traced.spans:
        above = known.get(span.parent_id)
        assert above is not None or span.parent_id == 0, (where, span)
        assert above is None or above.trace_id == span.trace_id, (where, span)
        assert belongs(span, above), (where, span, above)


def belongs(span: Seen, above: Seen | None) -> bool:
    """Tell whether *span* is below the right one, by the names and places that both have."""
    what, _, step = span.name.partition(" ")
    if span.name == "outer":
        return above is None
    if what in ("GET", "block"):
        return above is not None and above.name.endswith(f" {step}")
    place = str(span.attributes[PATH])
    if "/" not in place:
        return above is None or above.name == "outer"
    if above is None:
        return False
    if above.name.startswith("block "):
        return place.rpartition("/")[0].endswith(above.name.removeprefix("block "))
    return above.attributes[PATH] == place.rpartition("/")[0]


def test_no_log_line_is_missed(caplog: pytest.LogCaptureFixture) -> None:
    """The fuzz sees the line that it looks for, when it is there."""
    token = otel_context.attach(otel_context.get_current())
    otel_context.detach(token)
    otel_context.detach(token)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "Failed to detach context" in caplog.text
    caplog.clear()
