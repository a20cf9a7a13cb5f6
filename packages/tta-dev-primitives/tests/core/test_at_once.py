"""Steps that answer at once: the same results, effects and reports as in a task of their own."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives import (
    CachePrimitive,
    LambdaPrimitive,
    ParallelPrimitive,
    SequentialPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives.core.at_once import Pending, never_waits, result_of
from tta_dev_primitives.core.base import FRESH
from tta_dev_primitives.core.observe import ObservabilityPrimitive, Outcome, observe
from tta_dev_primitives.core.parallel import gather_all
from tta_dev_primitives.errors import InputTypeError
from tta_dev_primitives.testing.clock import FakeClock, settle

setting: contextvars.ContextVar[str] = contextvars.ContextVar("setting", default="outside")


def double(x: int) -> int:
    return x * 2


def double_with(x: int, context: WorkflowContext) -> int:
    return x * 2


async def later(x: int) -> int:
    return x * 2


async def later_with(x: int, context: WorkflowContext) -> int:
    return x * 2


async def waits(x: int) -> int:
    await asyncio.sleep(0)
    return x * 2


async def numbers() -> AsyncIterator[int]:
    yield 1


async def loops(x: int) -> int:
    async for _ in numbers():
        pass
    return x * 2


async def comprehends(x: int) -> list[int]:
    return [y async for y in numbers()]


async def enters(x: int) -> int:
    async with asyncio.Lock():
        return x * 2


async def streams(x: int) -> AsyncIterator[int]:
    yield x * 2


def hands_on(x: int) -> Coroutine[Any, Any, int]:
    return waits(x)


class Doubling:
    async def method(self, x: int) -> int:
        return x * 2

    async def waiting_method(self, x: int) -> int:
        return await waits(x)


class Own(WorkflowPrimitive[int, int]):
    async def execute(self, input_data: int, context: WorkflowContext) -> int:
        return input_data * 2


async def cached() -> CachePrimitive[int, int]:
    cache = CachePrimitive(waits)
    await cache.execute(1)
    return cache


async def tasks_of(work: Coroutine[Any, Any, Any]) -> int:
    """Return how many tasks *work* makes."""
    loop, made = asyncio.get_running_loop(), 0

    def make(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        nonlocal made
        made += 1
        return asyncio.Task(work, loop=loop, **options)

    loop.set_task_factory(make)
    try:
        await work
    finally:
        loop.set_task_factory(None)
    return made


@pytest.mark.parametrize(
    ("branches", "expected"),
    [
        ([double, double_with, later, later_with, Doubling().method], 0),
        ([LambdaPrimitive(double) >> later >> double], 0),
        ([waits], 1),
        ([double, later, waits], 1),
        ([waits, double, later], 3),
        ([double, Own(), double], 2),
        ([LambdaPrimitive(double) >> waits >> double, double], 2),
        ([hands_on], 1),
        ([streams], 1),
        ([Doubling().waiting_method], 1),
    ],
    ids=[
        "functions", "sequence", "waits", "last-waits", "first-waits", "own", "sequence-waits",
        "coroutine-from-function", "streams", "method-waits",
    ],
)  # fmt: skip
async def test_only_branches_from_the_first_that_waits_get_a_task(
    branches: list[Any], expected: int
) -> None:
    """What answers at once costs no task; behind one that waits, all keep their order."""
    node = ParallelPrimitive(branches)
    assert await tasks_of(node.execute(1)) == expected
    assert await node.execute(1) == [
        await SequentialPrimitive([branch]).execute(1) for branch in branches
    ]


async def test_hits_of_caches_need_no_task(tmp_path: Path) -> None:
    """Hits side by side are look-ups, and nothing else."""
    disk = CachePrimitive(waits, cache_dir=tmp_path)
    async with disk:
        await disk.execute(1)
        assert await tasks_of((disk | disk).execute(1)) == 0
    node = ParallelPrimitive({"a": await cached(), "b": (await cached()) >> double, "c": double})
    assert await tasks_of(node.execute(1)) == 0
    assert await node.execute(1) == {"a": 2, "b": 4, "c": 2}


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (later, True),
        (later_with, True),
        (Doubling().method, True),
        (double, False),
        (waits, False),
        (loops, False),
        (comprehends, False),
        (enters, False),
        (streams, False),
        (Doubling().waiting_method, False),
        (functools.partial(later), False),
        (len, False),
    ],
    ids=[
        "plain", "with-context", "method", "sync", "await", "async-for", "comprehension",
        "async-with", "generator", "waiting-method", "partial", "builtin",
    ],
)  # fmt: skip
def test_coroutine_functions_without_an_await_are_known(
    fn: Callable[..., Any], expected: bool
) -> None:
    """Any doubt counts as waiting."""
    assert never_waits(fn) is expected


async def test_coroutine_that_waits_is_not_run_at_once() -> None:
    """It is closed and refused, not left half done."""
    with pytest.raises(RuntimeError, match="waited, but was run as one that never does"):
        result_of(waits(1))


async def test_time_limit_in_a_branch_holds_for_that_branch() -> None:
    """A step that uses the task it runs in has one of its own."""

    async def limited(x: int) -> str:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            return "late"
        return "never"

    assert await (LambdaPrimitive(double) | limited | waits).execute(1) == [2, "late", 2]


@pytest.mark.parametrize("kind", ["sync", "async", "handed-on"])
async def test_context_variables_set_by_a_branch_stay_in_it(kind: str) -> None:
    """Neither its siblings nor the caller see them; what it does later does."""

    def sets(x: int) -> str:
        setting.set("inside")
        return setting.get()

    async def sets_later(x: int) -> str:
        return sets(x)

    async def reads_later() -> str:
        await asyncio.sleep(0)
        return setting.get()

    def sets_and_hands_on(x: int) -> Any:
        sets(x)
        return reads_later()

    step: Any = {"sync": sets, "async": sets_later, "handed-on": sets_and_hands_on}[kind]
    node = ParallelPrimitive([step, lambda x: setting.get()])
    assert await node.execute(1) == ["inside", "outside"]
    assert setting.get() == "outside"


async def test_future_that_a_function_returns_is_awaited() -> None:
    """Whatever can be awaited counts, not only coroutines."""
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, "done")
    assert await ParallelPrimitive([double, lambda x: future]).execute(1) == [2, "done"]


async def test_failing_function_cancels_the_others_and_is_raised_as_itself() -> None:
    """As in a task: with the cause it came with, and nothing added."""
    events: list[str] = []
    error = LookupError("at once")

    def fail(x: int) -> None:
        raise error

    async def sibling(x: int) -> None:
        events.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            events.append("ended")

    with pytest.raises(LookupError) as caught:
        await (LambdaPrimitive(double) | fail | sibling).execute(1)
    assert caught.value is error
    assert error.__context__ is None
    assert events == ["began", "ended"]


async def test_several_failing_functions_are_raised_as_a_group() -> None:
    """None is lost."""
    errors = [LookupError("1"), KeyError("2")]

    def fail(x: int) -> None:
        raise errors[x]

    node = ParallelPrimitive([lambda x: fail(0), double, lambda x: fail(1)])
    with pytest.raises(ExceptionGroup) as caught:
        await node.execute(1)
    assert list(caught.value.exceptions) == errors


async def test_function_that_cancels_cancels_the_call() -> None:
    """A cancellation from within is not taken for a result."""

    def cancel(x: int) -> None:
        raise asyncio.CancelledError("from within")

    with pytest.raises(asyncio.CancelledError):
        await ParallelPrimitive([cancel, double]).execute(1)


class Loud(LambdaPrimitive[Any, Any]):
    """Adds something to what the function returns."""

    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        return f"{await super().execute(input_data, context)}!"


class Louder(Loud):
    """The same, inherited."""


class Shouts:
    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        return "mixed in"


class Mixed(Shouts, LambdaPrimitive[Any, Any]):
    """Brings an `execute` by a mixin."""


class Named(LambdaPrimitive[Any, Any]):
    """Changes nothing about how it runs."""


@pytest.mark.parametrize(
    ("step", "expected", "tasks"),
    [
        (Loud(double), "2!", 1),
        (Louder(double), "2!", 1),
        (Mixed(double), "mixed in", 1),
        (Named(double), 2, 0),
    ],
    ids=["own", "inherited", "mixin", "unchanged"],
)
async def test_subclass_with_its_own_execute_is_run_by_it(
    step: Any, expected: Any, tasks: int
) -> None:
    """What its parent can do at once is not done behind its back."""
    node = ParallelPrimitive([step])
    assert await node.execute(1) == [expected]
    assert await tasks_of(node.execute(1)) == tasks


async def test_sequence_goes_on_where_it_began_to_wait() -> None:
    """No step runs twice, and each gets the result of the one before."""
    seen: list[Any] = []

    def note(x: int) -> int:
        seen.append(x)
        return x + 1

    steps = LambdaPrimitive(note) >> note >> waits >> note >> later >> note
    assert await ParallelPrimitive([steps]).execute(1) == [15]
    assert seen == [1, 2, 6, 14]


async def test_key_function_of_a_cache_is_asked_once_whether_it_hits_or_not() -> None:
    """Beginning a call and going on with it are one call."""
    asked: list[int] = []

    def key(x: int, _: WorkflowContext) -> int:
        asked.append(x)
        return x

    node = ParallelPrimitive([CachePrimitive(waits, cache_key_fn=key)])
    context = WorkflowContext()
    assert [await node.execute(3, context) for _ in range(3)] == [[6]] * 3
    assert asked == [3, 3, 3]
    assert (context.state["cache_hits"], context.state["cache_misses"]) == (2, 1)


class Watcher(ObservabilityPrimitive):
    """Keeps what begins and ends."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def start(self, primitive: Any, path: str, context: WorkflowContext) -> object:
        self.seen.append((path, "begins"))
        return path

    def end(self, token: object, outcome: Outcome, error: BaseException | None) -> None:
        self.seen.append((str(token), outcome))


async def test_observers_see_every_branch_as_a_call_of_its_own() -> None:
    """With its place in the workflow, and how it ended."""
    hit = await cached()
    node = ParallelPrimitive([double, hit, LambdaPrimitive(later) >> double])
    watcher = Watcher()
    with observe(watcher):
        assert await node.execute(1) == [2, 2, 4]
    assert sorted(watcher.seen) == sorted(
        [
            ("0", "begins"), ("0", "ok"),
            ("0/0.double", "begins"), ("0/0.double", "ok"),
            ("0/1", "begins"), ("0/1", "hit"),
            ("0/2", "begins"), ("0/2", "ok"),
            ("0/2/0.later", "begins"), ("0/2/0.later", "ok"),
            ("0/2/1.double", "begins"), ("0/2/1.double", "ok"),
        ]
    )  # fmt: skip


async def test_step_of_ones_own_leaves_everything_to_be_done() -> None:
    """What a primitive has not said it can do at once is begun by awaiting it."""
    begun = Own().begin_execute(2, WorkflowContext())
    assert isinstance(begun, Pending)
    assert await begun.coroutine == 4


KINDS = ("returns", "fails", "returns later", "fails later", "waits", "waits and fails")


def branch(kind: str, number: int, events: list[str]) -> Callable[[Any], Any]:
    def finish(x: Any) -> int:
        if "fails" in kind:
            raise LookupError(number)
        return number

    def now(x: Any) -> int:
        events.append(f"{number} begins")
        return finish(x)

    async def soon(x: Any) -> int:
        events.append(f"{number} begins")
        return finish(x)

    async def in_some_turns(x: Any) -> int:
        events.append(f"{number} begins")
        for _ in range(number):
            await asyncio.sleep(0)
        return finish(x)

    return in_some_turns if "waits" in kind else soon if "later" in kind else now


@given(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=6))
def test_answering_at_once_changes_nothing_but_the_time(kinds: list[str]) -> None:
    """Results, failures and the order in which branches begin are those of tasks for all."""

    async def run(side_by_side: Callable[[list[Any]], Any]) -> tuple[list[str], str]:
        events: list[str] = []
        steps = [LambdaPrimitive(branch(kind, number, events)) for number, kind in enumerate(kinds)]
        try:
            result = str(await side_by_side(steps))
        except ExceptionGroup as group:
            result = str(sorted(map(repr, group.exceptions)))
        except LookupError as error:
            result = repr(error)
        return events, result

    def by_tasks(steps: list[Any]) -> Any:
        return gather_all(step.execute(None, WorkflowContext()) for step in steps)

    def by_node(steps: list[Any]) -> Any:
        return ParallelPrimitive(steps).execute(None)

    assert asyncio.run(run(by_node)) == asyncio.run(run(by_tasks))


@pytest.mark.parametrize("backend", ["memory", "mutable", "disk", "shadow"])
async def test_cache_answers_at_once_what_it_answers_otherwise(
    backend: str, tmp_path: Path
) -> None:
    """Side by side, a cache hits, misses, expires and is passed by as it does alone."""
    calls: list[str] = []

    def step(x: str) -> Any:
        calls.append(x)
        return [x, len(calls)] if backend == "mutable" else f"{x}{len(calls)}"

    async def run(*, alone: bool) -> tuple[list[Any], dict[str, float]]:
        calls.clear()
        clock = FakeClock()
        cache = CachePrimitive(
            step,
            ttl_seconds=10,
            stale_while_revalidate=5,
            cache_dir=tmp_path / str(alone) if backend == "disk" else None,
            shadow=backend == "shadow",
            clock=clock,
        )
        node = ParallelPrimitive([cache])
        seen: list[Any] = []
        async with cache:
            questions: list[tuple[str, Literal["bypass", "refresh"] | None, float]] = [
                ("a", None, 0), ("a", None, 0), ("b", None, 0), ("a", "bypass", 0),
                ("a", "refresh", 0), ("a", None, 12), ("a", None, 0), ("b", None, 20),
            ]  # fmt: skip
            for key, mode, wait in questions:
                clock.advance(wait)
                context = WorkflowContext(cache_mode=mode)
                if alone:
                    seen.append([await cache.execute(key, context)])
                else:
                    seen.append(await node.execute(key, context))
                seen.append(context.state)
                await settle()
            stats = cache.get_stats()
        return seen, {name: stats[name] for name in ("hits", "misses", "stale", "size")}

    assert await run(alone=False) == await run(alone=True)


async def test_cache_refuses_a_key_that_is_no_key_side_by_side_too() -> None:
    """The error is that of the cache, not of a dict."""
    key: Any = lambda x, _: [x]  # noqa: E731 - typed so that checkers let it through
    cache = CachePrimitive(double, cache_key_fn=key)
    with pytest.raises(InputTypeError):
        await ParallelPrimitive([cache]).execute(1)
