"""A chain of fallbacks against a model that has no tasks and no streams: only lists."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.streaming import StreamRestarted
from tta_dev_primitives.recovery.fallback import FallbackPrimitive
from tta_dev_primitives.recovery.midstream import Midstream
from tta_dev_primitives.testing.clock import FakeClock, settle


class LowError(Exception):
    pass


class MiddleError(LowError):
    pass


class HighError(MiddleError):
    pass


class OtherError(Exception):
    pass


KINDS: list[type[Exception]] = [LowError, MiddleError, HighError, OtherError]


@dataclass(frozen=True)
class Script:
    """What one step does: so many chunks, then an error or the end."""

    chunks: int
    error: type[Exception] | None


@dataclass(frozen=True)
class Case:
    primary: Script
    chain: list[Script]
    on: dict[type[Exception], Script]
    catch: tuple[type[Exception], ...]
    midstream: Midstream


@dataclass
class Outcome:
    ran: list[tuple[str, int]] = field(default_factory=list)
    """Which steps, and how many chunks they were told there are."""
    seen: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


scripts = st.builds(Script, st.integers(0, 2), st.sampled_from([*KINDS, *KINDS, None]))
cases = st.builds(
    Case,
    primary=scripts,
    chain=st.lists(scripts, min_size=1, max_size=3),
    on=st.dictionaries(st.sampled_from(KINDS), scripts),
    catch=st.sampled_from([(Exception,), (Exception,), (LowError,), (MiddleError, OtherError)]),
    midstream=st.sampled_from(["fail", "restart", "splice"]),
)


def model(case: Case, *, streams: bool) -> Outcome:
    found = Outcome()
    left = {f"chain {number}": script for number, script in enumerate(case.chain)}
    special = {kind: f"on {kind.__name__}" for kind in case.on}
    left |= {special[kind]: script for kind, script in case.on.items()}
    name, script, told, taken = "primary", case.primary, 0, 0
    while True:
        found.ran.append((name, told))
        if streams:
            found.seen += [f"{name} {number}" for number in range(script.chunks)]
            taken += script.chunks
        if script.error is None:
            found.errors = []
            return found
        found.errors.insert(0, name)
        if not issubclass(script.error, case.catch) or (taken and case.midstream == "fail"):
            return found
        wanted = [special[kind] for kind in script.error.__mro__ if kind in special]
        wanted += [other for other in left if other.startswith("chain")]
        following = next((other for other in wanted if other in left), None)
        if following is None:
            return found
        if taken and case.midstream == "restart":
            found.seen.append(f"dropped {taken}")
            taken = 0
        told = taken if case.midstream == "splice" else 0
        name, script = following, left.pop(following)


async def real(case: Case, *, streams: bool) -> Outcome:
    found = Outcome()

    def step(name: str, script: Script) -> Any:
        async def chunks(told: int) -> AsyncIterator[str]:
            found.ran.append((name, told))
            for number in range(script.chunks):
                yield f"{name} {number}"
            if script.error is not None:
                raise script.error(name)

        async def whole(told: int) -> None:
            found.ran.append((name, told))
            if script.error is not None:
                raise script.error(name)

        return chunks if streams else whole

    fallback = FallbackPrimitive(
        step("primary", case.primary),
        fallbacks=[step(f"chain {number}", script) for number, script in enumerate(case.chain)],
        on={kind: step(f"on {kind.__name__}", script) for kind, script in case.on.items()},
        catch=case.catch,
        midstream=case.midstream,
        continue_with=(lambda x, chunks: len(chunks)) if case.midstream == "splice" else None,
    )
    try:
        if not streams:
            await fallback.execute(0)
            return found
        async for chunk in fallback.stream(0):
            dropped = isinstance(chunk, StreamRestarted)
            found.seen.append(f"dropped {chunk.dropped}" if dropped else chunk)
    except (LowError, OtherError) as error:
        cause: BaseException | None = error
        while cause is not None:
            found.errors.append(str(cause))
            cause = cause.__context__
    return found


@settings(max_examples=300)
@given(cases, st.booleans())
def test_steps_chunks_and_errors_are_those_of_the_model(case: Case, streams: bool) -> None:
    """However steps fail, and whatever is said about which follows which."""
    assert asyncio.run(real(case, streams=streams)) == model(case, streams=streams)


async def storm(seed: int, *, streams: bool) -> None:
    """Many readers at once, each cancelled or leaving at a random moment, or not at all."""
    draw = random.Random(seed)
    clock, callers = FakeClock(), 30
    began = ended = 0

    async def work(x: int) -> int:
        nonlocal began, ended
        began += 1
        try:
            await clock.sleep(draw.choice([0, 0.5, 1]))
            if draw.random() < 0.5:
                raise LowError
        finally:
            ended += 1
        return x

    async def chunks(x: int) -> AsyncIterator[int]:
        nonlocal began, ended
        began += 1
        try:
            for _ in range(draw.randrange(4)):
                yield await work(x)
        finally:
            ended += 1

    step = chunks if streams else work
    policy = FallbackPrimitive(
        step,
        fallbacks=[step, step],
        on={LowError: step},
        midstream=draw.choice(["fail", "restart"]),
    )

    async def call(x: int) -> None:
        if not streams:
            assert await policy.execute(x) == x
            return
        stream = policy.stream(x)
        try:
            async for chunk in stream:
                assert chunk == x or isinstance(chunk, StreamRestarted)
                if draw.random() < 0.1:
                    break
        finally:
            await stream.aclose()

    tasks = [asyncio.ensure_future(call(number)) for number in range(callers)]
    cancelled: set[int] = set()
    for _ in range(20):
        victim = draw.randrange(callers)
        if not tasks[victim].done():
            tasks[victim].cancel()
            cancelled.add(victim)
        await settle(draw.randrange(3))
        await clock.sleep_through(draw.choice([0, 0.25]))
    await clock.sleep_through(100)
    for number, task in enumerate(tasks):
        assert task.done()
        assert task.cancelled() == (number in cancelled)
        assert task.cancelled() or isinstance(task.exception(), LowError | None)
    assert began == ended
    assert clock.pending == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.booleans())
def test_books_balance_whoever_is_cancelled_when(seed: int, streams: bool) -> None:
    """Every step that began has ended, and a cancelled caller sets no other step off."""
    asyncio.run(storm(seed, streams=streams))
