"""The cache of a replay against the one that apps run."""

from __future__ import annotations

import inspect
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives import CachePrimitive, LambdaPrimitive
from tta_dev_primitives.devtools.replay.cached_answers import (
    DEFAULT_MAX_ENTRIES,
    DEFAULT_TTL_SECONDS,
    CachedAnswers,
)
from tta_dev_primitives.devtools.replay.errors import ReplayError
from tta_dev_primitives.performance import cache as cache_module
from tta_dev_primitives.testing import FakeClock

STEPS = st.lists(st.tuples(st.integers(0, 7), st.sampled_from([0.0, 0.0, 1.0, 4.0])), max_size=60)


@given(steps=STEPS, max_entries=st.integers(1, 5), ttl=st.sampled_from([3.0, 5.0, None]))
async def test_it_hits_and_evicts_as_the_primitive_does(
    steps: list[tuple[int, float]], max_entries: int, ttl: float | None
) -> None:
    """A replay promises hits that CachePrimitive would not have had, or misses some it would."""
    clock = FakeClock()
    asked: list[int] = []

    def answer(question: int, context: object) -> int:
        asked.append(question)
        return question

    cache = CachePrimitive(
        LambdaPrimitive(answer), ttl_seconds=ttl, max_entries=max_entries, clock=clock
    )
    replayed: CachedAnswers[int] = CachedAnswers(max_entries, ttl)
    at, missed = 0.0, []
    for question, pause in steps:
        clock.advance(pause)
        at += pause
        await cache.execute(question)
        if replayed.find(question, at) is None:
            missed.append(question)
            replayed.keep(question, question + 1, at)
        assert len(replayed) <= max_entries
    assert missed == asked


async def test_a_long_run_misses_what_the_primitive_misses() -> None:
    """The hand that evicts starts from the oldest entry each time."""
    lot = random.Random(1)
    asked: list[int] = []
    cache = CachePrimitive(
        LambdaPrimitive(lambda question, context: asked.append(question)),
        ttl_seconds=None,
        max_entries=6,
    )
    replayed: CachedAnswers[int] = CachedAnswers(6, None)
    missed: list[int] = []
    for _ in range(3_000):
        question = min(int(lot.paretovariate(0.7)), 20)
        await cache.execute(question)
        if replayed.find(question, 0.0) is None:
            missed.append(question)
            replayed.keep(question, question, 0.0)
    assert missed == asked


def test_its_bounds_are_those_of_the_primitive() -> None:
    """The replay's defaults drifted away from those that apps get."""
    signature = inspect.signature(CachePrimitive.__init__)
    assert signature.parameters["ttl_seconds"].default == DEFAULT_TTL_SECONDS
    assert cache_module._MEMORY_ENTRIES == DEFAULT_MAX_ENTRIES


@pytest.mark.parametrize(
    ("age", "there"), [(0.0, True), (59.9, True), (60.0, False)], ids=["now", "within", "at-ttl"]
)
def test_an_answer_is_gone_at_exactly_its_age(age: float, there: bool) -> None:
    """An answer is given again one tick too long."""
    cache: CachedAnswers[str] = CachedAnswers(10, 60.0)
    cache.keep("key", "answer", 100.0)
    assert (cache.find("key", 100.0 + age) is not None) is there


def test_without_entries_it_keeps_nothing() -> None:
    """max_entries=0 still answers from the cache."""
    cache: CachedAnswers[str] = CachedAnswers(0, None)
    cache.keep("key", "answer", 0.0)
    assert cache.find("key", 0.0) is None


@pytest.mark.parametrize(
    ("max_entries", "ttl", "named"),
    [(-1, None, "max_entries"), (1, 0.0, "ttl_seconds"), (1, float("nan"), "ttl_seconds")],
    ids=["entries", "ttl", "nan"],
)
def test_bounds_that_cannot_be_are_refused(max_entries: int, ttl: float | None, named: str) -> None:
    """A cache with a nonsense bound is built and never says so."""
    with pytest.raises(ReplayError, match=named):
        CachedAnswers(max_entries, ttl)
