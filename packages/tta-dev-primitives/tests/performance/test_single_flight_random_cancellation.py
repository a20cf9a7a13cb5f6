from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.stores.disk import DiskStore

from .cache_callers import MakeCache

LONG = os.environ.get("TTA_LONG") == "1"


class Recording:
    """What one run of callers came to, by an upstream that takes some turns of the loop."""

    def __init__(self, turns: int, fails: bool) -> None:
        self.turns, self.fails = turns, fails
        self.begun = 0
        self.running = 0
        self.finished = 0

    async def __call__(self, key: str) -> str:
        self.begun += 1
        self.running += 1
        assert self.running == 1, "two calls for one key at a time"
        try:
            for _ in range(self.turns):
                await asyncio.sleep(0)
            if self.fails:
                raise ValueError(key)
            self.finished += 1
            return key
        finally:
            self.running -= 1


@pytest.fixture(scope="module", params=["memory", "disk"])
def make_new_cache(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., CachePrimitive[Any, Any]]]:
    """Makes caches that share nothing but, on disk, the file."""
    store = DiskStore(tmp_path_factory.mktemp("cache"))
    versions = itertools.count()

    def make(step: Callable[..., Any]) -> CachePrimitive[Any, Any]:
        if request.param == "memory":
            return CachePrimitive(step)
        return CachePrimitive(step, backend=store, version=str(next(versions)))

    yield make
    store.close()


@settings(max_examples=10_000 if LONG else 150, derandomize=not LONG, deadline=None)
@given(
    turns=st.integers(0, 8),
    fails=st.booleans(),
    callers=st.lists(
        st.tuples(st.integers(0, 8), st.none() | st.integers(0, 10)), min_size=1, max_size=12
    ),
)
async def test_random_cancellation_leaves_nothing_and_harms_nobody(
    make_new_cache: MakeCache, turns: int, fails: bool, callers: list[tuple[int, int | None]]
) -> None:
    """Callers come at one turn of the loop and are cancelled at another, or never."""
    upstream = Recording(turns, fails)
    cache = make_new_cache(upstream)
    tasks: list[tuple[asyncio.Task[str], int | None]] = []
    for now in range(20):
        for arrives, leaves in callers:
            if arrives == now:
                tasks.append((asyncio.create_task(cache.execute("q")), leaves))
        for task, leaves in tasks:
            if leaves == now:
                task.cancel()
        await asyncio.sleep(0)
    for task, leaves in tasks:
        await asyncio.wait((task,))
        if task.cancelled():
            assert leaves is not None
        elif fails:
            assert isinstance(task.exception(), ValueError)
        else:
            assert task.result() == "q"
    assert upstream.running == 0
    assert upstream.finished <= 1
    assert not asyncio.all_tasks() - {asyncio.current_task()}
