"""Calls that have ended are counted later, and by all means before somebody reads the counts."""

from __future__ import annotations

import os
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from observability_integration.metrics.instruments import PRIMITIVE_ACTIVE, PRIMITIVE_DURATION
from observability_integration.metrics.recorder import Recorder
from observability_integration.metrics.registry import Registry
from observability_integration.observer import LightObserver
from observability_integration.spans.light_span import Scope
from observability_integration.spans.light_tracer import LightTracerProvider
from observability_integration.spans.sampling import Sampling
from tta_dev_primitives import LambdaPrimitive, observe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observability_integration.metrics.ended_calls import EndedCalls


class Watched:
    """Calls that are watched, without anything that exports their spans."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.recorder = Recorder(self.registry)
        provider = LightTracerProvider(lambda _: None, Sampling())
        self.observer = LightObserver(provider, self.recorder, Scope("tests"))

    @property
    def ended(self) -> EndedCalls:
        assert self.recorder.ended is not None
        return self.recorder.ended

    def counts(self) -> tuple[int, float]:
        """Return how many calls were timed, and how many are under way."""
        found: dict[object, list[Any]] = {
            family.instrument: list(family.points) for family in self.registry.collect()
        }
        timed = sum(sum(point.value.counts) for point in found.get(PRIMITIVE_DURATION, []))
        return timed, sum(point.value for point in found[PRIMITIVE_ACTIVE])


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    with observe(watched.observer):
        yield watched


async def test_whoever_reads_finds_every_call_that_ended(watched: Watched) -> None:
    """A scrape right after a call must not miss it."""
    step = LambdaPrimitive(str, name="ask")
    for number in range(1, 4):
        await step.execute(1)
        assert watched.counts() == (number, 0)


async def test_a_call_is_counted_once_whoever_counts_it(watched: Watched) -> None:
    """The thread that exports and a scrape counted the same call."""
    step = LambdaPrimitive(str, name="ask")
    for _ in range(50):
        await step.execute(1)
    threads = [threading.Thread(target=watched.ended.count) for _ in range(4)]
    for thread in threads:
        thread.start()
    counts = watched.counts()
    for thread in threads:
        thread.join()
    assert counts == watched.counts() == (50, 0)


async def test_calls_that_nothing_exports_do_not_pile_up(watched: Watched) -> None:
    """With every trace sampled out no thread ever woke, and every span stayed in memory."""
    random.seed(20261123)  # one call in about a thousand counts what waits
    step = LambdaPrimitive(str, name="ask")
    most = 0
    for _ in range(30):
        for _ in range(400):
            await step.execute(1)
        most = max(most, len(watched.ended._waiting))
    assert most < 8_000
    assert watched.counts() == (12_000, 0)


async def test_a_call_that_ends_while_others_are_counted_is_counted(watched: Watched) -> None:
    """A stream that is collected as garbage ends within the count, in the same thread."""
    step = LambdaPrimitive(str, name="ask")
    await step.execute(1)
    await step.execute(1)
    waiting = watched.ended._waiting

    class Ends:
        """A span whose count ends another call, and has that counted at once."""

        def __init__(self, span: Any) -> None:
            self.span = span

        @property
        def place(self) -> object:
            watched.ended.count()
            return self.span.place

        def __getattr__(self, name: str) -> object:
            return getattr(self.span, name)

    first: Any = Ends(waiting.popleft())
    waiting.appendleft(first)
    assert watched.counts() == (2, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_what_the_parent_has_not_counted_is_not_the_childs(watched: Watched) -> None:
    """Each worker that is forked off told the parent's last calls again."""
    step = LambdaPrimitive(str, name="ask")
    for _ in range(2):
        step.run(1)
    child = os.fork()
    if not child:
        status = 1
        try:
            step.run(1)
            status = 0 if watched.counts() == (1, 0) else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert watched.counts() == (2, 0)
