"""Answers that one process of many makes for all, under the lease of a shared store."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.errors import StoreError

from .entries import NOTHING, Kept, as_result
from .stream_recording import Recording

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tta_dev_primitives.performance.stores.base import ClusterStore, StoredEntry

    from .answers import Answers
    from .entries import Worth
    from .invalidations import Token
    from .questions import Ask
    from .store_shelf import StoreShelf


class _Draft:
    """Takes what would be put on the shelf, for the store to write under its lease."""

    def __init__(self, answers: Answers) -> None:
        self.entry: StoredEntry | None = None
        self._answers = answers
        self._tags: tuple[str, ...] = ()

    async def put(
        self, ask: Ask, token: Token, kept: Kept, times: tuple[float, float], worth: Worth,
        tags: tuple[str, ...],
    ) -> None:  # fmt: skip
        """Take an entry, unless it was deleted while it was made."""
        if not self._answers.invalidations.concern(token, ask.key, tags):
            shelf = cast("StoreShelf", self._answers.shelf)
            self.entry, self._tags = shelf.entry(kept, times, worth, tags), tags

    async def written(self, ask: Ask, token: Token) -> None:
        """Take back what the store has written, if it was deleted meanwhile."""
        if self.entry is not None:
            try:
                await self._answers.take_back(ask, token, self._tags)
            except StoreError as error:
                self._answers.accounts.warn_of(ask, error)


class Cluster:
    """The processes that share a store, of which one at a time makes an answer."""

    def __init__(self, store: ClusterStore) -> None:
        self._store = store

    async def make(
        self, answers: Answers, ask: Ask, token: Token
    ) -> tuple[Any, Kept | None]:  # Any: the step's own type
        """Run the step unless another process is doing so; then wait for what it writes."""
        draft = _Draft(answers)
        made: list[tuple[Any, Kept | None]] = []
        failed: list[Exception] = []

        async def run() -> StoredEntry | None:
            try:
                made.append(await answers.make(ask, token, draft.put))
            except Exception as error:
                failed.append(error)
                if draft.entry is None:
                    raise
            return draft.entry  # an error that is remembered is an entry as well

        found = await self._store.fill_once(cast("bytes", ask.key), run)
        await draft.written(ask, token)
        if failed:
            raise failed[0]
        if made:
            return made[0]
        value = NOTHING if found is None else answers.load(ask, found)
        if found is None or value is NOTHING:
            return await answers.make(ask, token)
        answers.accounts.coalesced(ask, found)
        return as_result(value), Kept(
            found, lambda entry: as_result(answers.shelf.load(entry)), None
        )

    async def stream(
        self, answers: Answers, ask: Ask, token: Token
    ) -> AsyncGenerator[Any, None]:  # Any: any chunks
        """Yield the step's chunks unless another process does; then wait for what it writes."""
        loop = asyncio.get_running_loop()
        leads: asyncio.Future[None] = loop.create_future()
        ended: asyncio.Future[StoredEntry | None] = loop.create_future()

        async def lead() -> StoredEntry | None:
            leads.set_result(None)
            return await ended

        filling = loop.create_task(self._store.fill_once(cast("bytes", ask.key), lead))
        try:
            await asyncio.wait((filling, leads), return_when=asyncio.FIRST_COMPLETED)
            found = None if leads.done() else filling.result()
            value = NOTHING if found is None else answers.load(ask, found)
            if found is not None and value is not NOTHING:
                answers.accounts.coalesced(ask, found)
                pieces = value.chunks if type(value) is Recording else (as_result(value),)
                for chunk in pieces:
                    yield chunk
                return
            draft = _Draft(answers)
            try:
                async with contextlib.aclosing(_recorded(answers, ask, token, draft)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            finally:
                # Of a stream that failed there may be an error to write; of one cut off, nothing.
                if draft.entry is not None:
                    ended.set_result(draft.entry)
                    await filling
                    await draft.written(ask, token)
        finally:
            answers.ended(ask, token)
            if not filling.done():
                filling.cancel()
            await asyncio.wait((filling,))


async def _recorded(
    answers: Answers, ask: Ask, token: Token, draft: _Draft
) -> AsyncGenerator[Any, None]:
    """Yield the step's chunks, and leave the whole in *draft* when they have come to their end."""
    chunks: list[Any] = []
    offsets: list[float] = []
    now = answers.clock.monotonic
    began = now()
    source = ask.owner.primitive.stream(ask.input_data, ask.context)
    try:
        async with contextlib.aclosing(source) as incoming:
            async for chunk in incoming:
                offsets.append(now() - began)
                chunks.append(chunk)
                yield chunk
    except Exception as error:
        if not chunks:
            await answers.remember_error(ask, token, error, now() - began, draft.put)
        raise
    whole = Recording(tuple(chunks), tuple(offsets))
    await answers.remember(ask, token, whole, now() - began, draft.put)
