"""The cache against a dict, in every store, while time and the clocks move."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tta_dev_primitives import CachePrimitive, WorkflowContext
from tta_dev_primitives.testing.clock import FakeClock

from .cache_model import BOUND, CacheModel, MakeCache

TTL = 10
keys = st.sampled_from([0, 1, "a", "b", (1, 2)])


class MemoryModel(RuleBasedStateMachine):
    """Entries end by the monotonic clock, which nobody can set."""

    on_disk = False

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.runner = asyncio.Runner()
        self.context = WorkflowContext()
        self.calls = 0
        self.fails = False
        self.model: dict[Any, tuple[float, Any]] = {}
        self.hits = self.misses = self.expirations = 0
        self.asked = self.answered = 0
        self.cache = self.make()

    def make(self) -> CachePrimitive[Any, Any]:
        return CachePrimitive(self.step, ttl_seconds=TTL, clock=self.clock)

    def now(self) -> float:
        return self.clock.monotonic()

    def step(self, x: Any) -> Any:
        self.calls += 1
        if self.fails:
            raise ValueError(x)
        return [x, self.calls] if self.calls % 2 else (str(x), self.calls)

    @rule(key=keys)
    def ask(self, key: Any) -> None:
        known = self.model.get(key)
        alive = known is not None and known[0] > self.now()
        if alive:
            self.hits += 1
            self.answered += 1
        else:
            self.misses += 1
            self.asked += 1
            if known is not None and (not self.on_disk or not self.fails):
                self.expirations += 1
            if not self.on_disk or not self.fails:
                self.model.pop(key, None)
        before = self.calls
        try:
            found = self.runner.run(self.cache.execute(key, self.context))
        except ValueError:
            assert self.fails
            assert not alive
            return
        assert self.calls - before == (0 if alive else 1)
        if known is not None and alive:
            assert found == known[1]
            assert type(found) is type(known[1])
        else:
            self.model[key] = (self.now() + TTL, list(found) if type(found) is list else found)
        if type(found) is list:
            found.append("spoilt")

    @rule(fails=st.booleans())
    def change_luck(self, fails: bool) -> None:
        self.fails = fails

    @rule(seconds=st.sampled_from([0.5, 1, 5, TTL]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-7, -1, 1, 7]))
    def set_the_wall_clock(self, seconds: float) -> None:
        self.clock.jump(seconds)

    @rule()
    def evict(self) -> None:
        expired = [key for key, (until, _) in self.model.items() if until <= self.now()]
        for key in expired:
            del self.model[key]
        self.expirations += len(expired)
        assert self.cache.evict_expired() == len(expired)

    @rule()
    def clear(self) -> None:
        self.model.clear()
        self.hits = self.misses = self.expirations = 0
        self.cache.clear_cache()

    @invariant()
    def counts_agree(self) -> None:
        stats = self.cache.get_stats()
        assert (stats["size"], stats["hits"], stats["misses"], stats["expirations"]) == (
            len(self.model),
            self.hits,
            self.misses,
            self.expirations,
        )
        assert self.context.state.get("cache_hits", 0) == self.answered
        assert self.context.state.get("cache_misses", 0) == self.asked

    def teardown(self) -> None:
        self.cache.close()
        self.runner.close()


class DiskModel(MemoryModel):
    """Entries end by the wall clock, which all processes share, and outlive their cache."""

    on_disk = True

    def make(self) -> CachePrimitive[Any, Any]:
        self.folder = tempfile.TemporaryDirectory()
        return self.again()

    def again(self) -> CachePrimitive[Any, Any]:
        return CachePrimitive(
            self.step, ttl_seconds=TTL, clock=self.clock, cache_dir=self.folder.name
        )

    def now(self) -> float:
        return self.clock.time()

    @precondition(lambda self: self.hits + self.misses > 3)
    @rule()
    def another_process(self) -> None:
        self.cache.close()
        self.cache = self.again()
        self.hits = self.misses = self.expirations = 0

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


TestMemoryModel = MemoryModel.TestCase
TestMemoryModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDiskModel = DiskModel.TestCase
TestDiskModel.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


TIMES = 50 if os.environ.get("TTA_LONG") == "1" else 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "examples"),
    [
        ("memory", 60),
        ("bounded memory", 40),
        ("disk", 25),
        ("redis", 12),
        ("redis behind disk", 10),
        ("cluster", 12),
        ("cluster behind disk", 10),
    ],
)
def test_every_store_answers_like_a_dict(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, examples: int
) -> None:
    """With stale answers, errors, tags, streams, other processes and clocks that are set."""
    options: dict[str, Any] = {}
    if kind == "bounded memory":
        options["max_entries"] = BOUND
    if "redis" in kind or "cluster" in kind:
        options |= {"backend": "redis", "redis_url": request.getfixturevalue("redis_url")}
    if "cluster" in kind:
        options["single_flight"] = "cluster"
    numbers = itertools.count()

    def begin() -> CacheModel:
        # What one example has left is nothing to the next.
        given = {**options, "namespace": str(uuid.uuid4())}
        if "disk" in kind:
            given["cache_dir"] = tmp_path / str(next(numbers))

        def make(*arguments: Any, **more: Any) -> CachePrimitive[Any, Any]:
            return CachePrimitive(*arguments, **given, **more)

        made: MakeCache = make
        return CacheModel(made, kind)

    machine: Any = begin  # whatever makes one will do, though it says that it wants the class
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples * TIMES, stateful_step_count=40)
    )
