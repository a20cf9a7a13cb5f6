"""Answers that come in chunks: followers join, what was kept is played again."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.core.deadline import within
from tta_dev_primitives.core.streaming import join_chunks

from .answers import renewal_of_stream
from .entries import NOTHING, as_result
from .shared_stream import SharedStream
from .stream_recording import Recording

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from .answers import Answers
    from .questions import Ask


async def stream_answer(answers: Answers, ask: Ask) -> AsyncGenerator[Any, None]:  # Any: any chunks
    """Yield the chunks of the answer for *ask*: kept, stale as the rules allow, or made now.

    An answer that was kept by `execute` comes as one chunk, and so does one that `execute` is
    under way to make.
    """
    result, value = await answers.look(ask)
    shadow = answers.rules.shadow
    if result == "miss":
        async with contextlib.aclosing(_missed(answers, ask)) as chunks:
            async for chunk in chunks:
                yield chunk
        return
    if result == "bypass" or (shadow and result == "hit"):
        source = ask.owner.primitive.stream(ask.input_data, ask.context)
    elif shadow:
        source = _shared(answers, ask)().subscribe()
    else:
        if result == "stale":
            _renew(answers, ask)
        source = _played(answers, value)
    async with contextlib.aclosing(source) as chunks:
        async for chunk in chunks:
            yield chunk


def _played(answers: Answers, value: Any) -> AsyncGenerator[Any, None]:
    if type(value) is Recording:
        return value.replay(pace=answers.rules.pace, clock=answers.clock)
    return _whole(as_result(value))


async def _whole(value: Any) -> AsyncGenerator[Any, None]:
    yield value


async def _missed(answers: Answers, ask: Ask) -> AsyncGenerator[Any, None]:
    joined = answers.joins(ask)
    answers.accounts.missed(ask, joined=joined)
    if answers.rules.shadow:
        source = _shared(answers, ask)().subscribe()
    elif answers.flights.under_way(ask.flight):
        source = _awaited(answers, ask)
    else:
        source = answers.streams.stream(ask.flight, _shared(answers, ask))
    given: list[Any] = []
    instead: Any = NOTHING
    async with contextlib.aclosing(_in_time(answers, ask, source)) as chunks:
        try:
            async for chunk in chunks:
                given.append(chunk)
                yield chunk
        except Exception:
            # What was given cannot be taken back: a stale answer stands in for a whole one only.
            if given or (instead := answers.instead_of_error(ask)) is NOTHING:
                raise
    if instead is NOTHING:
        whole = join_chunks(given) if joined else None
        answers.accounts.made(ask, whole, joined=joined)
        return
    async with contextlib.aclosing(_played(answers, instead)) as chunks:
        async for chunk in chunks:
            yield chunk


async def _in_time(
    answers: Answers, ask: Ask, source: AsyncGenerator[Any, None]
) -> AsyncGenerator[Any, None]:
    """Yield the chunks of *source*, waiting for none of them beyond the caller's deadline."""
    deadline = ask.context.deadline
    async with contextlib.aclosing(source):
        if deadline is None:
            async for chunk in source:
                yield chunk
            return
        while True:
            try:
                chunk = await within(anext(source), deadline, answers.clock, ask.owner.label)
            except StopAsyncIteration:
                return
            yield chunk


async def _awaited(answers: Answers, ask: Ask) -> AsyncGenerator[Any, None]:
    value, kept = await answers.shared(ask)
    yield value if kept is None else kept.restored()


def _shared(answers: Answers, ask: Ask) -> Callable[[], SharedStream]:
    """Return what begins the one stream for all who ask the same."""
    shared = ask.without_deadline()

    def begin() -> SharedStream:
        token, began = answers.begin(ask), answers.clock.monotonic()

        if answers.cluster is not None and not (ask.refreshes or answers.rules.shadow):
            # It keeps the whole itself, under the lease.
            chunks = functools.partial(answers.cluster.stream, answers, shared, token)
            return SharedStream(
                chunks,
                prepare=_prepare(answers),
                finish=answers.rules.finish,
                clock=answers.clock,
            )

        async def upstream() -> AsyncGenerator[Any, None]:
            source = ask.owner.primitive.stream(shared.input_data, shared.context)
            nothing_yet = True
            try:
                async with contextlib.aclosing(source) as chunks:
                    async for chunk in chunks:
                        nothing_yet = False
                        yield chunk
            except Exception as error:
                if nothing_yet:
                    duration = answers.clock.monotonic() - began
                    await answers.remember_error(shared, token, error, duration)
                raise

        async def keep_all(recording: Recording) -> None:
            try:
                await answers.remember(shared, token, recording, answers.clock.monotonic() - began)
            finally:
                answers.ended(shared, token)

        return SharedStream(
            upstream,
            prepare=_prepare(answers),
            on_end=keep_all,
            finish=answers.rules.finish,
            clock=answers.clock,
        )

    return begin


def _prepare(answers: Answers) -> Callable[[Any], tuple[Any, Callable[[Any], Any] | None]]:
    def prepare(chunk: Any) -> tuple[Any, Callable[[Any], Any] | None]:
        kept = answers.shelf.keep_chunk(chunk)
        # A chunk without a copy goes to every reader as it is; the stream will not be kept.
        return (chunk, None) if kept is None else (kept.value, kept.restore)

    return prepare


def _renew(answers: Answers, ask: Ask) -> None:
    """Have a stale stream made anew, while whoever asks goes on with the old one."""
    begin = _shared(answers, ask)

    async def renew() -> tuple[Any, None]:
        try:
            async with contextlib.aclosing(answers.streams.stream(ask.flight, begin)) as chunks:
                async for _ in chunks:
                    pass
        except Exception as error:
            answers.accounts.warn_of_renewal(ask, error)
            raise
        return None, None

    if not answers.renews(ask):
        answers.flights.begin(renewal_of_stream(ask), renew)
