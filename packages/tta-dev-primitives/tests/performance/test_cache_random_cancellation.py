"""Callers who come, leave and delete at any moment, from a seed: nobody is harmed, nothing stays.

A failure names its seed; `TTA_SEED=17` runs that case alone. `TTA_LONG=1` runs 10,000 of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives import WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.core.base import FRESH

from .cache_kinds import KINDS, MakeCache, cache_maker
from .waiting import PATIENCE_SECONDS

LONG = os.environ.get("TTA_LONG") == "1"
CASES = (10_000 if LONG else 150) // len(KINDS)


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeCache:
    return cache_maker(request.param, request, tmp_path)


class ServiceError(Exception):
    """What the service says when it does not answer."""


# How many deletions had been begun when somebody asked; the call is made in a copy of the context
# of whoever asked first.
deletions_before: ContextVar[int] = ContextVar("deletions_before")


@dataclass(eq=False)
class Call:
    """One call of the service.

    `order` is the number of the event. `deletions` says how many had been begun when it began;
    None where there was one since somebody asked for it, because the call may be of before or
    after that.
    """

    key: str
    mode: str | None
    order: int
    deletions: int | None


@dataclass
class Service(WorkflowPrimitive[str, str]):
    """Says which call it was, in three chunks, and sees to it that nobody else does so."""

    chance: random.Random
    fails: bool
    name: str = "service"
    calls: list[Call] = field(default_factory=list)
    running: list[Call] = field(default_factory=list)
    unfinished: int = 0
    rivals: list[tuple[Call, Call]] = field(default_factory=list)
    order: itertools.count[int] = field(default_factory=itertools.count)
    deletions: int = 0

    async def execute(self, input_data: str, context: WorkflowContext = FRESH) -> str:
        return "".join([chunk async for chunk in self.stream(input_data, context)])

    async def stream(
        self, input_data: str, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[str, None]:
        known = deletions_before.get() == self.deletions
        call = Call(
            input_data, context.cache_mode, next(self.order), self.deletions if known else None
        )
        if call.mode != "bypass":
            self.rivals += [(other, call) for other in self.running if self._rivals(other, call)]
        number = len(self.calls)
        self.calls.append(call)
        self.running.append(call)
        self.unfinished += 1
        try:
            for part in (f"{input_data}:", f"{number}", "."):
                await pause(self.chance)
                if self.fails and self.chance.random() < 0.05:
                    raise ServiceError(input_data)
                yield part
            await pause(self.chance)
        except asyncio.CancelledError:
            self.running.remove(call)
            await pause(self.chance)  # cleaning up takes a while
            raise
        finally:
            if call in self.running:
                self.running.remove(call)
            self.unfinished -= 1

    def _rivals(self, one: Call, other: Call) -> bool:
        # After a deletion of whatever, those who ask begin anew.
        same = (one.key, one.mode, one.deletions) == (other.key, other.mode, other.deletions)
        return same and one.deletions is not None


async def pause(chance: random.Random) -> None:
    """Let others run for some turns of the loop, at times for longer."""
    if chance.random() < 0.1:
        await asyncio.sleep(chance.random() * 0.002)
    for _ in range(chance.randrange(6)):
        await asyncio.sleep(0)


class Case:
    """Some callers of one cache, and what may go wrong with what they get."""

    def __init__(self, seed: int, make: MakeCache) -> None:
        self.chance = random.Random(seed)
        self.service = Service(self.chance, fails=self.chance.random() < 0.3)
        self.cache = make(self.service, tags=lambda x, _: [f"tag {x}"])
        self.deleted: dict[str, int] = {}
        self.wrong: list[str] = []

    async def run(self) -> None:
        """Have it happen, and look at what is left."""
        async with self.cache:
            await self._live()
            assert self.wrong == []
            assert self.service.rivals == []
            deletions_before.set(self.service.deletions)
            for key in "ab":
                with contextlib.suppress(ServiceError):
                    self._check(key, await self.cache.execute(key), self.deleted.get(key, -1))
            assert self.wrong == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def _live(self) -> None:
        chance = self.chance
        people = [asyncio.create_task(self._visit()) for _ in range(chance.randrange(2, 14))]
        people += [asyncio.create_task(self._delete()) for _ in range(chance.randrange(3))]
        share = chance.choice([0.4, 0.4, 1])
        doomed = [person for person in people if chance.random() < share]
        killers = [asyncio.create_task(self._cancel(person)) for person in doomed]
        done, late = await asyncio.wait(people, timeout=PATIENCE_SECONDS)
        assert not late, "somebody waits for ever"
        assert self.service.unfinished == 0, "the service works for nobody"
        await asyncio.wait(killers or done)
        for person in done:
            if person.cancelled():
                assert person in doomed, "somebody was cancelled in another's place"
            else:
                person.result()

    async def _visit(self) -> None:
        chance = self.chance
        for _ in range(chance.randrange(1, 3)):
            await pause(chance)
            key = chance.choice("aab")
            mode: Any = chance.choice([None] * 8 + ["refresh", "bypass"])
            since = self.deleted.get(key, -1)
            deletions_before.set(self.service.deletions)
            ask = chance.choice([self._whole, self._in_chunks, self._in_part])
            try:
                found = await ask(key, WorkflowContext(cache_mode=mode))
            except ServiceError as error:
                if not self.service.fails or error.args != (key,):
                    self.wrong.append(f"{key} failed by {error!r}")
            else:
                if found is not None:
                    self._check(key, found, since)

    async def _whole(self, key: str, context: WorkflowContext) -> str | None:
        return await self.cache.execute(key, context)

    async def _in_chunks(self, key: str, context: WorkflowContext) -> str | None:
        found: list[str] = []
        async with contextlib.aclosing(self.cache.stream(key, context)) as chunks:
            async for chunk in chunks:
                found.append(chunk)
                await pause(self.chance)
        return "".join(found)

    async def _in_part(self, key: str, context: WorkflowContext) -> None:
        async with contextlib.aclosing(self.cache.stream(key, context)) as chunks:
            for _ in range(self.chance.randrange(3)):
                if await anext(chunks, None) is None:
                    return
                await pause(self.chance)

    async def _delete(self) -> None:
        await pause(self.chance)
        await pause(self.chance)
        key = self.chance.choice("ab")
        began = next(self.service.order)
        self.service.deletions += 1
        await self.chance.choice(
            [
                lambda: self.cache.delete(key),
                lambda: self.cache.delete_tags(f"tag {key}"),
                lambda: self.cache.delete_prefix(key),
                self.cache.clear,
            ]
        )()
        self.deleted[key] = max(began, self.deleted.get(key, -1))

    async def _cancel(self, person: asyncio.Task[None]) -> None:
        for _ in range(self.chance.randrange(1, 5)):
            await pause(self.chance)
        person.cancel()
        if self.chance.random() < 0.3:
            await pause(self.chance)
            person.cancel()

    def _check(self, key: str, found: str, since: int) -> None:
        """Note what is not the whole answer of a call for *key* begun after *since*."""
        number = found.removeprefix(f"{key}:").removesuffix(".")
        if not number.isdigit() or found != f"{key}:{number}.":
            self.wrong.append(f"{key} was answered {found!r}")
            return
        call = self.service.calls[int(number)]
        if call.order < since:
            self.wrong.append(f"{key} was answered {found!r}, of a call begun before its deletion")


@pytest.mark.slow
async def test_whoever_stays_gets_the_right_answer_and_nothing_is_left_behind(
    make: MakeCache,
) -> None:
    """Whatever the others do, and whenever they leave."""
    given = os.environ.get("TTA_SEED")
    for seed in range(CASES) if given is None else (int(given),):
        try:
            await Case(seed, make).run()
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize("first", ["stream", "execute"])
async def test_stale_answer_is_renewed_by_one_call_for_readers_and_callers_alike(
    make: MakeCache, first: str
) -> None:
    """Found stale at the same moment, by somebody who streams and by somebody who does not."""
    service = Service(random.Random(1), fails=False)
    deletions_before.set(0)
    async with make(service, ttl_seconds=0.05, stale_while_revalidate=3600) as cache:
        await cache.execute("q")
        await asyncio.sleep(0.06)

        async def read() -> str:
            return "".join([chunk async for chunk in cache.stream("q")])

        asks = [read, lambda: cache.execute("q")]
        if first == "execute":
            asks.reverse()
        assert await asyncio.gather(*(ask() for ask in asks)) == ["q:0."] * 2
    assert service.rivals == []
