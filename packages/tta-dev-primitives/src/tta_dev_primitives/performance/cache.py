"""Remember what a step returned."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, WorkflowContext, X, Y
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.deadline import within
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import ConfigurationError, StoreError

from . import encoding
from .entries import Kept, keep, worth
from .keys import default_key, key_fn_without, stored_key, unhashable
from .scopes import Scopes
from .single_flight import SingleFlight
from .stores.base import Store, StoreBusyError, StoredEntry
from .stores.choice import make_store
from .stores.memory import MemoryEntry, MemoryStore

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Hashable

T = TypeVar("T")
_logger = logging.getLogger("tta_dev_primitives.cache")


class CachePrimitive(PolicyPrimitive[In, Out]):
    """Answer from what a step returned before for the same input.

    Callers who ask for the same thing at the same time share one call: however many miss
    together, the step runs once. A caller who is cancelled harms nobody; when the last one
    leaves, the call is stopped. Errors are never kept, and neither is an answer that says it
    should not be (a `cacheable` attribute that is false, as on LLM answers that were cut off or
    filtered). Callers get values of their own: immutable ones as they are, others as a copy.

    A store that fails never ends the call: the step runs, and one warning is logged.

    Args:
        primitive: What to run on a miss.
        cache_key_fn: Takes `(x, context)` and returns a hashable key. Without it the whole input
            is the key, in an encoding that does not depend on the order of mapping keys and that
            tells 1 from 1.0 and True.
        ttl_seconds: How long an entry is good; None for as long as there is room. An entry is
            gone at exactly this age.
        backend: `memory`, `disk`, or a store object; `disk` when only *cache_dir* is given.
        cache_dir: Folder of the disk store's file.
        max_entries: Bound of the memory store.
        max_bytes: Bound of the disk store's file; a value of more than half of it is not kept.
        exclude: Mapping keys or field names of the input that do not count for the key.
        version: Part of every key; change it to leave old entries behind.
        share: Keep and hand out the very object, for trusted callers who do not change it.
        shadow: Look up, count and report what would have been answered, but run the step for
            every caller, and keep what a cache that answers would have kept.
        clock: Where the time comes from.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: A bound or time is not positive, or arguments contradict each other;
            (when run) there is no step, or the step asks for the result it is about to give.
        InputTypeError: (when run) the key is not hashable or the input has no canonical form.
    """

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        cache_key_fn: Callable[[In, WorkflowContext], Hashable] | None = None,
        ttl_seconds: float | None = 3600.0,
        *,
        backend: Literal["memory", "disk"] | Store | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        max_entries: int = 10_000,
        max_bytes: int = 1 << 30,
        exclude: Collection[str] = (),
        version: str = "",
        share: bool = False,
        shadow: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        if ttl_seconds is not None and not ttl_seconds > 0:
            msg = f"ttl_seconds must be positive, or None for no limit, got {ttl_seconds!r}"
            raise ConfigurationError(msg)
        if max_entries < 1:
            msg = f"max_entries must be at least 1, got {max_entries!r}"
            raise ConfigurationError(msg)
        if isinstance(exclude, str):
            msg = f"exclude takes a collection of names, got the text {exclude!r}; put it in a list"
            raise ConfigurationError(msg)
        if cache_key_fn is not None and exclude:
            msg = "cache_key_fn and exclude contradict each other; exclude in the function itself"
            raise ConfigurationError(msg)
        self._key_fn = cache_key_fn
        if exclude:
            self._key_fn = key_fn_without(exclude)
        self._version = version
        self._ttl = math.inf if ttl_seconds is None else ttl_seconds
        self._share, self._shadow = share, shadow
        self._memory = MemoryStore(max_entries)
        self._store = make_store(backend, cache_dir, max_bytes, share=share)
        self._clock = clock
        self._now = clock.monotonic
        self._flights: SingleFlight[Any] = SingleFlight()
        self._counts = _Counts()
        self._scopes = Scopes(stored=self._store is not None)
        self._set_scope()

    def wrap(self, primitive: Step[X, Y]) -> CachePrimitive[X, Y]:
        """Return this cache around *primitive*: one store, entries kept apart.

        Wrap a step once and keep the result. The cache remembers every step that it was put
        around, and a function made anew for each request would be a new step each time.
        """
        wrapped = cast("CachePrimitive[X, Y]", super().wrap(primitive))
        wrapped._set_scope()
        return wrapped

    def __call__(self, primitive: Step[X, Y]) -> CachePrimitive[X, Y]:
        """Decorate a function: the same as `wrap`."""
        return self.wrap(primitive)

    def _set_scope(self) -> None:
        self._scope = self._scopes.prefix(self._primitive, self._version)
        # The entries of a memory store that may be asked with the bare key; else always empty.
        direct = self._scope is None and self._store is None and not self._shadow
        self._direct: dict[Hashable, MemoryEntry] = self._memory.entries if direct else {}

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Return the remembered result, or run the step and remember it."""
        # A hit needs no context of its own: one is made only when something is to be told it.
        given = context is not None  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
        if not given and (self._key_fn is not None or observe.active is not None):
            context = WorkflowContext()
        if observe.active is not None:
            return await observe.observed_execute(CachePrimitive._lookup, self, input_data, context)
        # What `_lookup` does, without a call: a hit in memory costs little more than an await.
        if self._key_fn is not None:
            key = self._key_fn(input_data, context)
        else:
            key = input_data if type(input_data) is str else default_key(input_data)
        try:
            entry = self._direct.get(key)
        except TypeError as error:
            raise unhashable(key) from error
        if entry is None or entry.expires_at <= self._now():
            return await self._answer(key, cast("In", input_data), context or WorkflowContext())
        entry.uses += 1
        if given:
            try:
                context.state["cache_hits"] += 1
            except KeyError:
                context.state["cache_hits"] = 1
        if entry.restore is None:
            return entry.value
        try:
            return entry.restore(entry.value)
        except Exception as error:  # noqa: BLE001 - logged; whatever it is, the step can answer
            entry.uses -= 1  # counted in advance, which costs the hits that succeed least
            if given:
                context.state["cache_hits"] -= 1
            self._pass_over(entry, error)
            return await self._answer(key, cast("In", input_data), context or WorkflowContext())

    vars(execute)["_tta_entry"] = True  # it calls the observers itself

    async def _lookup(self, input_data: In, context: WorkflowContext) -> Out:
        if self._key_fn is not None:
            key = self._key_fn(input_data, context)
        else:
            key = default_key(input_data)
        return await self._answer(key, input_data, context)

    async def _answer(self, key: Hashable, input_data: In, context: WorkflowContext) -> Out:
        if self._store is not None:
            key = cast("bytes", self._scope) + stored_key(key)
            return await self._answer_stored(self._store, key, input_data, context)
        if self._scope is not None:
            key = (self._scope, key)
        entry = self._find(key)
        if entry is None:
            return await self._miss(key, input_data, context)
        value = entry.value
        if entry.restore is not None:
            try:
                value = entry.restore(value)
            except Exception as error:  # noqa: BLE001 - logged; whatever it is, the step can answer
                self._pass_over(entry, error)
                return await self._miss(key, input_data, context)
        entry.uses += 1
        self._tell_hit(entry, self._now(), context)
        return await self.primitive.execute(input_data, context) if self._shadow else value

    async def _answer_stored(
        self, store: Store, key: bytes, input_data: In, context: WorkflowContext
    ) -> Out:
        try:
            entry = store.read(key)
        except (StoreBusyError, StoreError) as failure:
            entry = await self._retried(failure, lambda: store.read(key, wait=True))
        if entry is None:
            return await self._miss(key, input_data, context)
        now = self._clock.time()
        if entry.expires_at <= now:
            return await self._miss(key, input_data, context, expired=True)
        try:
            value = encoding.decode(entry.data)
        except encoding.DecodingError as error:
            self._warn_once(f"an entry was passed over: {error}")
            return await self._miss(key, input_data, context)
        self._counts.hits += 1
        self._tell_hit(entry, now, context)
        return await self.primitive.execute(input_data, context) if self._shadow else value

    def _tell_hit(
        self, entry: MemoryEntry | StoredEntry, now: float, context: WorkflowContext
    ) -> None:
        state = context.state
        state["cache_hits"] = state.get("cache_hits", 0) + 1
        if observe.active is not None:
            record = observe.CacheRecord(
                self.name,
                "hit",
                max(0.0, now - entry.stored_at),  # a wall clock may have been set back
                entry.cost,
                entry.input_tokens,
                entry.output_tokens,
                entry.duration,
            )
            observe.report(record, outcome=None if self._shadow else "hit")

    def _pass_over(self, entry: MemoryEntry, error: Exception) -> None:
        self._memory.remove(entry)
        self._warn_once(f"an entry was passed over: {error!r}")

    def _find(self, key: Hashable) -> MemoryEntry | None:
        """Return the live entry of *key*; drop it when it is past its time."""
        try:
            entry = self._memory.entries.get(key)
        except TypeError as error:
            raise unhashable(key) from error
        if entry is None or entry.expires_at > self._now():
            return entry
        self._counts.expirations += self._memory.remove(entry)
        return None

    async def _miss(
        self, key: Hashable, input_data: In, context: WorkflowContext, *, expired: bool = False
    ) -> Out:
        self._counts.misses += 1
        state = context.state
        state["cache_misses"] = state.get("cache_misses", 0) + 1
        joined = self._flights.under_way(key)
        if observe.active is not None and not joined:
            observe.report(observe.CacheRecord(self.name, "miss"))
        if self._shadow:
            value, kept = await self._fill(key, input_data, context)
        else:
            # The shared call knows no deadline: each caller leaves at its own, the last ends it.
            shared = context.with_deadline(None)
            value, kept = await within(
                self._flights.run(key, lambda: self._fill(key, input_data, shared)),
                context.deadline,
                self._clock,
                self.label,
            )
        if expired and not joined:
            self._counts.expirations += 1  # its place was taken by the new entry
        if joined and observe.active is not None:
            saved = worth(value)  # known only now, and saved as by a hit
            observe.report(observe.CacheRecord(self.name, "coalesced", None, *saved))
        if not joined or kept is None:
            return value
        return kept.value if kept.restore is None else kept.restore(kept.value)

    async def _fill(
        self, key: Hashable, input_data: In, context: WorkflowContext
    ) -> tuple[Out, Kept | None]:
        """Run the step and keep what it returned."""
        began, clears = self._now(), self._counts.clears
        value = await self.primitive.execute(input_data, context)
        duration = self._now() - began
        kept = keep(value, share=self._share, encoded=self._store is not None)
        if kept is None or (self._store is not None and kept.data is None):
            self._warn_once(
                f"a {type(value).__qualname__} cannot be kept, so it is not cached; return data "
                "(JSON values, dataclasses of a module), or pass share=True with the memory backend"
            )
        elif getattr(value, "cacheable", True) and clears == self._counts.clears:
            await self._keep(key, kept, duration, *worth(value))
        return value, kept

    async def _keep(
        self,
        key: Hashable,
        kept: Kept,
        duration: float,
        cost: float | None,
        tokens_in: int | None,
        tokens_out: int | None,
    ) -> None:
        if self._store is None:
            now = self._now()
            entry = MemoryEntry(key, kept.value, kept.restore, now, now + self._ttl)
            entry.cost, entry.duration = cost, duration
            entry.input_tokens, entry.output_tokens = tokens_in, tokens_out
            self._memory.add(entry)
            return
        store, name, now = self._store, cast("bytes", key), self._clock.time()
        data = cast("bytes", kept.data)
        stored = StoredEntry(data, now, now + self._ttl, cost, tokens_in, tokens_out, duration)
        try:
            store.write(name, stored)
        except (StoreBusyError, StoreError) as failure:
            await self._retried(failure, lambda: store.write(name, stored, wait=True))

    async def _retried(self, failure: Exception, work: Callable[[], T]) -> T | None:
        """Let a store work in a thread if it was busy; do without it if it failed."""
        try:
            if isinstance(failure, StoreBusyError):
                return await asyncio.to_thread(work)
            raise failure
        except StoreError as error:
            self._warn_once(str(error))
            return None

    def _warn_once(self, text: str) -> None:
        if text not in self._counts.warned:
            self._counts.warned.add(text)
            _logger.warning("%s: %s", self.label, text)

    def get_stats(self) -> dict[str, float]:
        """Return size, hits, misses, expirations, evictions, and hit_rate in per cent.

        The size is that of the whole store; the rest was counted by this cache and its wraps.

        Raises:
            StoreError: The store cannot be read.
        """
        counts = self._counts
        hits = counts.hits + self._memory.uses
        asked = hits + counts.misses
        return {
            "size": len(self._memory if self._store is None else self._store),
            "hits": hits,
            "misses": counts.misses,
            "expirations": counts.expirations,
            "evictions": self._memory.evictions,
            "hit_rate": round(100 * hits / asked, 2) if asked else 0.0,
        }

    def clear_cache(self) -> None:
        """Drop every entry of the store and begin the counts anew.

        An answer that is under way is not kept, and not given to callers who ask from now on.

        Raises:
            StoreError: The store cannot be written.
        """
        self._counts.clears += 1
        self._flights.forget()
        (self._memory if self._store is None else self._store).clear()
        self._counts.hits = self._counts.misses = self._counts.expirations = 0

    def evict_expired(self) -> int:
        """Drop the entries that are past their time and return how many.

        Raises:
            StoreError: The store cannot be written.
        """
        if self._store is None:
            dropped = self._memory.delete_expired(self._now())
        else:
            dropped = self._store.delete_expired(self._clock.time())
        self._counts.expirations += dropped
        return dropped

    def close(self) -> None:
        """Release the files of the disk store; the next use opens them again."""
        if self._store is not None:
            self._store.close()


class _Counts:
    """What all wraps of one cache count together."""

    __slots__ = ("clears", "expirations", "hits", "misses", "warned")

    def __init__(self) -> None:
        self.hits = self.misses = self.expirations = self.clears = 0
        self.warned: set[str] = set()
