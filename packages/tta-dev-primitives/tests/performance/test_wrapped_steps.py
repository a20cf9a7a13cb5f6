from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive

MakeCache = Callable[..., CachePrimitive[Any, Any]]


class Model:
    def __init__(self, name: str) -> None:
        self.name = name
        self.calls = 0

    async def ask(self, x: str) -> str:
        self.calls += 1
        return f"{self.name}: {x}"

    async def __call__(self, x: str) -> str:
        return await self.ask(x)


def greet(x: str) -> str:
    return f"hello {x}"


def leave(x: str) -> str:
    return f"bye {x}"


def upper(word: str, x: str) -> str:
    return f"{word} {x}"


def add(amount: int) -> Callable[[int], int]:
    return lambda x: x + amount


STEPS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "functions": lambda: (greet, leave),
    "lambdas": lambda: (lambda x: "one", lambda x: "two"),
    "equal lambdas": lambda: (add(1), add(2)),
    "primitives": lambda: (MockPrimitive(return_value=1), MockPrimitive(return_value=2)),
    "methods of two objects": lambda: (Model("a").ask, Model("b").ask),
    "callable objects": lambda: (Model("a"), Model("b")),
    "partial functions": lambda: (
        functools.partial(upper, "one"),
        functools.partial(upper, "two"),
    ),
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
async def test_steps_of_one_policy_never_share_entries(
    make_cache: MakeCache, steps: Callable[[], tuple[Any, Any]]
) -> None:
    policy = make_cache(cache_key_fn=lambda x, context: "same")
    one, two = map(policy.wrap, steps())
    expected = [await one.execute(7), await two.execute(7)]
    assert expected[0] != expected[1]
    assert [await one.execute(7), await two.execute(7)] == expected
    stats = policy.get_stats()
    assert (stats["hits"], stats["misses"]) == (2, 2)


@pytest.mark.parametrize("kind", ["function", "method", "primitive"])
async def test_step_that_is_wrapped_again_finds_its_entries(
    make_cache: MakeCache, kind: str
) -> None:
    model = Model("a")
    mock = MockPrimitive(side_effect=lambda x, context: model.ask(x))
    step = {
        "function": lambda: model.__call__,
        "method": lambda: model.ask,
        "primitive": lambda: mock,
    }
    policy = make_cache()
    policy.wrap(greet)
    for _ in range(3):
        assert await policy.wrap(step[kind]()).execute("hi") == "a: hi"
    assert model.calls == 1


async def test_step_of_the_cache_and_a_wrapped_one_are_kept_apart(make_cache: MakeCache) -> None:
    cache = make_cache(greet)
    other = cache.wrap(leave)
    assert await cache.execute("x") == "hello x"
    assert await other.execute("x") == "bye x"
    assert await cache.execute("x") == "hello x"


async def test_decorated_function_is_cached(make_cache: MakeCache) -> None:
    calls: list[str] = []

    @make_cache(ttl_seconds=60)
    async def answer(x: str) -> str:
        calls.append(x)
        return x

    assert await answer.execute("q") == await answer.execute("q") == "q"
    assert calls == ["q"]


async def test_wraps_share_the_bound_and_the_clearing() -> None:
    policy = CachePrimitive(max_entries=2)
    one, two = policy.wrap(greet), policy.wrap(leave)
    for x in "abc":
        await one.execute(x)
        await two.execute(x)
    assert policy.get_stats()["size"] == 2
    two.clear_cache()
    assert one.get_stats()["size"] == 0


async def test_disk_entries_are_found_by_the_next_process_of_the_same_code(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Two caches on one folder stand for two processes."""
    for hits in (0, 1):
        policy = CachePrimitive(cache_dir=tmp_path, clock=clock)
        policy.wrap(leave)
        assert await policy.wrap(greet).execute("x") == "hello x"
        assert policy.get_stats()["hits"] == hits
        policy.close()


async def test_other_version_leaves_old_entries_behind(tmp_path: Path) -> None:
    step = MockPrimitive()
    for version in ("1", "2", "1", ""):
        cache = CachePrimitive(step, cache_dir=tmp_path, version=version)
        await cache.execute("q")
        cache.close()
    assert step.call_count == 3
