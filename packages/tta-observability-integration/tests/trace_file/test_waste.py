"""What totals and trace files call wasted is what the accounts call so."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tta_dev_primitives import (
    CachePrimitive,
    FallbackPrimitive,
    RetryPrimitive,
    SequentialPrimitive,
    TimeoutPrimitive,
)

from ..cost.paid_runs import (  # noqa: TID252 - the tests are no package with a name
    CASES,
    CENT,
    Hang,
    Model,
    retried,
    unwanted,
    wait_then,
)
from ..cost.random_runs import (  # noqa: TID252 - as above
    FAST,
    Ledger,
    Turn,
    built,
    nothing_yet,
    outcome,
    trees,
)
from .watched_runs import Watched

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from observability_integration.spans.light_span import LightSpan
    from observability_integration.trace_file.reader import TraceFile

    Written = Callable[[Sequence[LightSpan]], TraceFile]
    Run = Callable[[], Awaitable[object]]

EXAMPLES = 2_000 if os.environ.get("TTA_LONG") == "1" else 80
MANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
SMALL = ("model", [Turn(0, 1, "ok")], "small")
SLOW = ("model", [Turn(0, 2, "linger")], "big")


@MANY
@given(runs=st.lists(st.tuples(trees, st.booleans()), min_size=1, max_size=3), sdk=st.booleans())
@example(runs=[(("picky", SMALL, 2), False)], sdk=False)
@example(runs=[(("judged", SMALL, SLOW), True)], sdk=True)
@example(runs=[(("late", SLOW, SMALL), False)], sdk=False)
@example(runs=[(("hedge", ("sequential", SMALL, SLOW), SMALL), True)], sdk=False)
def test_spans_tell_the_same_waste_as_the_accounts(
    runs: list[tuple[Any, bool]], sdk: bool, written: Written
) -> None:
    """Of one run the report, the console and the file each name another sum."""
    ledger, watched = Ledger(), Watched(sdk=sdk)
    steps = [(built(tree, ledger), streams) for tree, streams in runs]

    async def at_once() -> None:
        await asyncio.gather(*(outcome(step, streams=streams) for step, streams in steps))

    with watched.watching():
        asyncio.run(at_once())
    assert_all_agree(watched, written)


@MANY
@given(tree=trees, questions=st.lists(st.integers(0, 1), min_size=1, max_size=6))
@example(tree=SLOW, questions=[0, 0])
def test_spans_tell_the_same_of_callers_that_share_and_leave(
    tree: Any, questions: list[int], written: Written
) -> None:
    """One of those who share an answer leaves, and what the others got is told as wasted."""
    ledger, watched = Ledger(), Watched()
    cached = CachePrimitive(
        nothing_yet >> built(tree, ledger), cache_key_fn=lambda x, context: str(x)
    )

    async def ask(question: int, patience_seconds: float | None) -> None:
        task = asyncio.ensure_future(cached.execute(question))
        await asyncio.wait([task], timeout=patience_seconds)
        task.cancel()
        await asyncio.wait([task])

    async def at_once() -> None:
        patience = itertools.cycle([0.001, None])  # who asks first is among those who leave
        await asyncio.gather(*map(ask, questions, patience))

    with watched.watching():
        asyncio.run(at_once())
    assert_all_agree(watched, written)


def assert_all_agree(watched: Watched, written: Written) -> None:
    wasted = pytest.approx(watched.wasted, abs=1e-12)
    assert watched.told == wasted
    assert written(watched.spans).summary().totals.wasted == wasted


def refusing(times: int) -> Callable[[Any], bool]:
    """Accepts what comes after so many results."""
    results = itertools.count()
    return lambda value: next(results) >= times


def slow(model: Model) -> SequentialPrimitive[Any, Any]:
    """Answers too late for the first caller, at once for the next."""
    answers = itertools.count()

    async def linger(value: Any) -> Any:
        return await Hang().execute(value) if next(answers) == 0 else value

    return SequentialPrimitive([model, linger])


async def share_with_one_who_leaves() -> None:
    cached = CachePrimitive(wait_then(Model()) >> wait_then(Model()))
    first = asyncio.create_task(cached.execute("hi"))
    second = asyncio.create_task(cached.execute("hi"))
    await asyncio.sleep(0.045)
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)


def itself_judged() -> Awaitable[object]:
    model = Model()
    return FallbackPrimitive(model, model, accept=refusing(1)).execute("hi")


def itself_late() -> Awaitable[object]:
    step = slow(Model())
    return TimeoutPrimitive(step, 0.01, fallback=step).execute("hi")


def third_judged() -> Awaitable[object]:
    others = [Model(), Model(), Model()]
    return FallbackPrimitive(Model("fail"), fallbacks=others, accept=refusing(2)).execute("hi")


def slashes_in_a_name() -> Awaitable[object]:
    model = Model(name="house/small")
    return RetryPrimitive(model, strategy=FAST, retry_result=unwanted).execute("hi")


def inner_attempts() -> Awaitable[object]:
    return retried(Model() >> retried(Model("fail", "ok"))).execute("hi")


RUNS: dict[str, tuple[Run, int]] = {
    "a-step-is-its-own-alternative": (itself_judged, 1),
    "late-and-then-itself": (itself_late, 1),
    "the-third-will-do": (third_judged, 3),
    "a-name-has-slashes": (slashes_in_a_name, 2),
    "attempts-within-an-attempt": (inner_attempts, 1),
    "the-one-who-asked-first-leaves": (share_with_one_who_leaves, 0),
}
for name, (make, _, (_, wasted)) in CASES.items():
    RUNS[name] = (lambda make=make: make().execute("hi")), wasted


@pytest.mark.parametrize("sdk", [False, True], ids=["own", "sdk"])
@pytest.mark.parametrize(("run", "cents"), RUNS.values(), ids=RUNS.keys())
async def test_each_wasted_dollar_is_told_once(
    run: Run, cents: int, sdk: bool, written: Written
) -> None:
    """Money for an answer nobody got is not told as wasted, or is told twice."""
    watched = Watched(sdk=sdk)
    with watched.watching(), contextlib.suppress(RuntimeError, ValueError, OSError):
        await run()
    assert watched.wasted == pytest.approx(cents * CENT)
    assert_all_agree(watched, written)


async def test_a_stream_that_its_reader_closed_looks_cancelled() -> None:
    """The page on costs must not promise what spans cannot tell."""
    watched = Watched()
    with watched.watching():
        chunks = Model().stream("hi")
        assert [await anext(chunks), await anext(chunks)] == ["a", "b"]
        await chunks.aclose()
    assert (watched.wasted, watched.told) == (0, pytest.approx(CENT))
