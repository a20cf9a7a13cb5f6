"""A cache and a dict that should agree, whatever is asked, deleted, or done to the clocks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tta_dev_primitives import CachePrimitive, WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.core.base import FRESH
from tta_dev_primitives.testing.clock import FakeClock

TTL = 100
NEGATIVE_TTL = 30
BOUND = 3

MakeCache = Callable[..., CachePrimitive[Any, Any]]
Luck = Literal["good", "fails at once", "fails midway"]

KEYS: list[Any] = ["a", "ab", "", (1, "a")]
DELETIONS = ["everything", "third 0", "third 1", "prefix a"]
Mode = Literal["refresh", "bypass"]

keys = st.sampled_from(KEYS)


class ServiceError(Exception):
    """What the step raises; says for which call."""


class Step(WorkflowPrimitive[Any, Any]):
    """Answers with the number of the call: in chunks of text, or in one dict."""

    name = "step"

    def __init__(self) -> None:
        self.calls = 0
        self.luck: Luck = "good"
        self.held = False

    async def stream(
        self, input_data: Any, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:
        self.calls += 1
        number = self.calls
        if self.luck == "fails at once":
            raise ServiceError(number)
        chunks = chunks_of(input_data, number)
        yield chunks[0]
        if self.held:
            await asyncio.Event().wait()
        if self.luck == "fails midway":
            raise ServiceError(number)
        for chunk in chunks[1:]:
            yield chunk


def chunks_of(key: object, number: int) -> list[Any]:
    """Return the whole answer of a call."""
    return [{"key": repr(key), "call": number}] if number % 2 else [f"{key!r} ", "#", str(number)]


def joined(chunks: list[Any]) -> Any:
    """Return what `execute` gives for *chunks*."""
    return chunks[0] if len(chunks) == 1 else "".join(chunks)


def tags_of(_input: object, result: Any) -> list[str]:
    """Return what an answer can be deleted by."""
    number = result["call"] if type(result) is dict else int(result.rpartition("#")[2])
    return ["all", f"third {number % 3}"]


@dataclass
class Known:
    """What should be kept: the chunks of an answer, or an error."""

    chunks: list[Any]
    error: int | None
    fresh_until: float
    expires_at: float
    tags: list[str]


class CacheModel(RuleBasedStateMachine):
    """One caller at a time; a call is whole before the next thing happens.

    Args:
        make: Makes a cache on whatever store; again, to stand for another process.
        kind: The name of the store.
    """

    def __init__(self, make: MakeCache, kind: str) -> None:
        super().__init__()
        self.make, self.kind = make, kind
        self.bounded = kind == "bounded memory"
        self.in_memory = "memory" in kind
        self.clock = FakeClock()
        self.runner = asyncio.Runner()
        self.step = Step()
        self.known: dict[Any, Known] = {}
        self.last: Any = KEYS[0]

    @initialize(
        revalidate=st.sampled_from([0, 50]),
        if_error=st.sampled_from([0, 20, 70]),
        negative=st.sampled_from([None, NEGATIVE_TTL]),
    )
    def begin(self, revalidate: float, if_error: float, negative: float | None) -> None:
        if self.bounded:
            revalidate = if_error = 0
        self.revalidate, self.if_error, self.negative = revalidate, if_error, negative
        self.options: dict[str, Any] = {
            "ttl_seconds": TTL,
            "stale_while_revalidate": revalidate,
            "stale_if_error": if_error,
            "negative_ttl": negative,
            "tags": tags_of,
            "clock": self.clock,
        }
        self.cache = self.make(self.step, **self.options)

    def now(self) -> float:
        return self.clock.monotonic() if self.in_memory else self.clock.time()

    def alive(self, key: Any) -> Known | None:
        found = self.known.get(key)
        return found if found is not None and found.expires_at > self.now() else None

    # Most rules ask, because most of what can go wrong shows only then.

    @rule(key=keys, streams=st.booleans())
    def ask_once(self, key: Any, streams: bool) -> None:
        self.ask(key, streams=streams)

    @rule(streams=st.booleans())
    def ask_again(self, streams: bool) -> None:
        self.ask(self.last, streams=streams)

    @rule(streams=st.booleans())
    def ask_for_everything(self, streams: bool) -> None:
        for key in KEYS:
            self.ask(key, streams=streams)

    @rule(seconds=st.sampled_from([1, NEGATIVE_TTL, TTL, TTL + 49]), streams=st.booleans())
    def wait_and_ask_for_everything(self, seconds: float, streams: bool) -> None:
        self.clock.advance(seconds)
        self.ask_for_everything(streams)

    @rule(key=keys, streams=st.booleans(), mode=st.sampled_from(["refresh", "bypass"]))
    def ask_past_the_cache(self, key: Any, streams: bool, mode: Mode) -> None:
        self.ask(key, mode, streams=streams)

    def ask(self, key: Any, mode: Mode | None = None, *, streams: bool) -> None:
        self.last = key
        before = self.step.calls
        found, error = self.runner.run(self.asked(key, WorkflowContext(cache_mode=mode), streams))
        known = None if mode else self.alive(key)
        if self.bounded and known is not None and self.step.calls > before:
            known = None  # it was evicted
        now = self.now()
        if known is not None and known.fresh_until > now:
            assert self.step.calls == before
            self.expect(known, found, error, streams=streams)
        elif known is not None and now < known.fresh_until + self.revalidate:
            self.expect(known, found, error, streams=streams)
            self.runner.run(self.cache.aclose())
            assert self.step.calls == before + 1
            if self.step.luck == "good":
                self.keep(key, streams=streams)
        else:
            assert self.step.calls == before + 1
            self.missed(key, known, found, error, streams=streams, keeps=mode != "bypass")

    def missed(
        self,
        key: Any,
        spare: Known | None,
        found: list[Any],
        error: int | None,
        *,
        streams: bool,
        keeps: bool,
    ) -> None:
        number = self.step.calls
        chunks = chunks_of(key, number)
        if self.step.luck == "good":
            assert (found, error) == (chunks if streams else [joined(chunks)], None)
            if keeps:
                self.keep(key, streams=streams)
            return
        begun = streams and self.step.luck == "fails midway"
        if begun:
            assert (found, error) == (chunks[:1], number)
        elif spare is not None and self.now() < spare.fresh_until + self.if_error:
            self.expect(spare, found, error, streams=streams)
        else:
            assert (found, error) == ([], number)
        if keeps and self.negative is not None and spare is None and not begun:
            until = self.now() + self.negative
            self.known[key] = Known([], number, until, until, [])

    def keep(self, key: Any, *, streams: bool) -> None:
        chunks = chunks_of(key, self.step.calls)
        whole = joined(chunks)
        fresh_until = self.now() + TTL
        expires_at = fresh_until + max(self.revalidate, self.if_error)
        tags = tags_of(key, whole)
        self.known[key] = Known(chunks if streams else [whole], None, fresh_until, expires_at, tags)

    def expect(self, known: Known, found: list[Any], error: int | None, *, streams: bool) -> None:
        if known.error is not None:
            assert (found, error) == ([], known.error)
        else:
            chunks = known.chunks if streams else [joined(known.chunks)]
            assert (found, error) == (chunks, None)

    async def asked(
        self, key: Any, context: WorkflowContext, streams: bool
    ) -> tuple[list[Any], int | None]:
        """Return the chunks, or the whole as one, and the number of the call that failed."""
        given: list[Any] = []
        copies: list[Any] = []
        error: int | None = None
        try:
            if streams:
                async with contextlib.aclosing(self.cache.stream(key, context)) as chunks:
                    async for chunk in chunks:
                        given.append(chunk)
            else:
                given.append(await self.cache.execute(key, context))
        except ServiceError as failure:
            error = failure.args[0]
        for chunk in given:
            copies.append(dict(chunk) if type(chunk) is dict else chunk)
            if type(chunk) is dict:
                chunk.clear()  # nobody else may notice
        note(f"{copies}, failed call {error}")
        return copies, error

    @precondition(lambda self: not self.bounded)
    @rule(key=keys)
    def leave_early(self, key: Any) -> None:
        """A stream that is cut off is not kept, and one that was kept is not harmed."""
        known = self.alive(key)
        if known is not None and known.error is not None:
            return
        if known is not None and not self.now() < known.fresh_until:
            return
        if self.step.luck == "fails at once" and known is None:
            return
        self.step.held = True

        async def read() -> Any:
            async with contextlib.aclosing(self.cache.stream(key)) as chunks:
                return await anext(chunks)

        first = self.runner.run(read())
        self.step.held = False
        assert first == (chunks_of(key, self.step.calls) if known is None else known.chunks)[0]

    @rule(luck=st.sampled_from(["good", "good", "fails at once", "fails midway"]))
    def change_luck(self, luck: Luck) -> None:
        self.step.luck = luck

    @rule(seconds=st.sampled_from([1, 29, 30, 49, 50, 70, TTL]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-TTL, -7, 7, TTL]))
    def set_the_wall_clock(self, seconds: float) -> None:
        self.clock.jump(seconds)

    @rule(choice=st.one_of(keys, st.sampled_from(DELETIONS)))
    def delete(self, choice: Any) -> None:
        cache, run = self.cache, self.runner.run
        if choice == "everything":
            run(cache.clear())
            self.known.clear()
        elif choice in ("third 0", "third 1"):
            count = run(cache.delete_tags(choice, "nothing"))
            self.deleted(count, lambda _, carried: choice in carried)
        elif choice == "prefix a":
            count = run(cache.delete_prefix("a"))
            self.deleted(count, lambda key, _: type(key) is str and key.startswith("a"))
        else:
            self.deleted(run(cache.delete(choice)), lambda key, _: key == choice)

    def deleted(self, count: int, meant: Callable[[Any, list[str]], bool]) -> None:
        gone = [key for key, known in self.known.items() if meant(key, known.tags)]
        alive = [key for key in gone if self.alive(key) is not None]
        if not self.bounded:
            # What is past its time may have been dropped before, or not.
            assert len(alive) <= count <= len(gone)
        for key in gone:
            del self.known[key]

    @precondition(lambda self: self.kind in ("memory", "disk"))
    @rule()
    def evict_expired(self) -> None:
        self.cache.evict_expired()
        self.known = {key: known for key, known in self.known.items() if self.alive(key)}
        assert self.cache.get_stats()["size"] == len(self.known)

    @precondition(lambda self: not self.in_memory)
    @rule()
    def another_process(self) -> None:
        self.runner.run(self.cache.aclose())
        self.cache = self.make(self.step, **self.options)

    @precondition(lambda self: self.bounded)
    @invariant()
    def bound_is_kept(self) -> None:
        assert self.cache.get_stats()["size"] <= BOUND

    def teardown(self) -> None:
        if hasattr(self, "cache"):
            self.runner.run(self.cache.aclose())
        self.runner.close()
