"""Remember what a step returned."""

from __future__ import annotations

import contextlib
import math
import random as random_module
from typing import TYPE_CHECKING, Any, Literal, cast

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.at_once import Pending
from tta_dev_primitives.core.base import FRESH, In, Out, Step, WorkflowContext, X, Y
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.answering.answers import Answers
from tta_dev_primitives.performance.answering.entries import NOTHING
from tta_dev_primitives.performance.answering.lifetimes import Lifetimes
from tta_dev_primitives.performance.answering.memory_shelf import MemoryShelf
from tta_dev_primitives.performance.answering.questions import Ask, Rules
from tta_dev_primitives.performance.answering.store_shelf import StoreShelf
from tta_dev_primitives.performance.answering.streamed_answers import stream_answer
from tta_dev_primitives.performance.stores.choice import make_store
from tta_dev_primitives.performance.stores.memory import MemoryEntry, MemoryStore
from tta_dev_primitives.performance.values.serializers import make_serializer

from .arguments import chosen, cluster_of, error_kinds, key_function, tag_function
from .keys import default_key, unhashable
from .scopes import Scopes

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Collection, Hashable, Iterable
    from types import CoroutineType

    from tta_dev_primitives.performance.stores.base import AsyncStore, Store
    from tta_dev_primitives.performance.values.serializers import Serializer

_MEMORY_ENTRIES, _MEMORY_BYTES = 10_000, 1 << 28


class CachePrimitive(PolicyPrimitive[In, Out]):
    """Answer from what a step returned before for the same input.

    Callers who ask for the same thing at the same time share one call: however many miss
    together, the step runs once. A caller who is cancelled harms nobody; when the last one
    leaves, the call is stopped. Errors are not kept unless *negative_ttl* says so, and neither is
    an answer that says it should not be (a `cacheable` attribute that is false, as on LLM answers
    that were cut off or filtered). Callers get values of their own: immutable ones as they are,
    others as a copy. Streams are kept with their chunks, and only when they came to their end.

    A store that fails never ends the call: the step runs, and one warning is logged.

    Args:
        primitive: What to run on a miss.
        cache_key_fn: Takes `(x, context)` and returns a hashable key. Without it the whole input
            is the key, in an encoding that does not depend on the order of mapping keys and that
            tells 1 from 1.0 and True.
        ttl_seconds: How long an answer is fresh; None for as long as there is room. It is stale
            at exactly this age, and gone unless one of the next two says otherwise.
        stale_while_revalidate: Seconds for which a stale answer is still given at once, while a
            new one is made for those who come later. That call outlives the one that began it;
            `aclose` waits for it. It ends with its event loop, so it does nothing under `run`.
        stale_if_error: Seconds for which a stale answer is given where a new one fails.
        negative_ttl: Seconds for which an error is kept and raised again; None for not at all.
        negative_errors: The kinds of errors that are kept, where *negative_ttl* is given.
        ttl_jitter: Largest part of the ttl, from 0 to below 1, that is taken off by chance, so
            that what was kept at one time does not end at one time.
        tags: What entries can be deleted by: names, or a function of input and result that
            returns them.
        backend: `memory`, `disk`, `redis`, or a store object; by default what *cache_dir* or
            *redis_url* ask for, else memory.
        cache_dir: Folder of the disk store's file. With `redis` it stands in front of Redis.
        redis_url: Address of Redis; else `REDIS_URL` of the environment, else loopback.
        namespace: Keeps entries apart from those of other caches in the same store.
        version: Part of every key; change it to leave old entries behind.
        exclude: Mapping keys or field names of the input that do not count for the key.
        max_entries: Bound of the memory store, 10,000 unless given.
        max_bytes: Bound of the memory store (256 MiB unless given) or of the disk store's file
            (1 GiB unless given; a value of more than half of it is not kept).
        serializer: How values become bytes: `json`, `msgpack`, `pickle` or an object; by default
            MessagePack where msgspec is installed, else JSON, and tagged JSON for typed values.
        signing_key: At least 16 bytes that `pickle` signs entries with.
        single_flight: Whom concurrent misses share a call with: those of the same `process` (and
            event loop), or with Redis those of the whole `cluster`.
        finish: Go on with a call that nobody waits for any more, and keep what it returns.
        pace: How kept streams are played: `instant`, or as they were `recorded`.
        share: Keep and hand out the very object, for trusted callers who do not change it.
        shadow: Look up, count and report what would have been answered, but run the step for
            every caller, and keep what a cache that answers would have kept.
        clock: Where the time comes from.
        random: Gives the numbers from 0 to below 1 for the jitter.
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
        stale_while_revalidate: float = 0.0,
        stale_if_error: float = 0.0,
        negative_ttl: float | None = None,
        negative_errors: type[Exception] | Collection[type[Exception]] = Exception,
        ttl_jitter: float = 0.0,
        tags: Collection[str] | Callable[[In, Out], Iterable[str]] = (),
        backend: Literal["memory", "disk", "redis"] | Store | AsyncStore | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        redis_url: str | None = None,
        namespace: str = "",
        version: str = "",
        exclude: Collection[str] = (),
        max_entries: int | None = None,
        max_bytes: int | None = None,
        serializer: Literal["json", "msgpack", "pickle"] | Serializer | None = None,
        signing_key: bytes | None = None,
        single_flight: Literal["process", "cluster"] = "process",
        finish: bool = False,
        pace: Literal["instant", "recorded"] = "instant",
        share: bool = False,
        shadow: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        random: Callable[[], float] = random_module.random,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        if "\0" in namespace:
            msg = f"namespace must not contain NUL, which ends it in keys, got {namespace!r}"
            raise ConfigurationError(msg)
        lifetimes = Lifetimes(
            math.inf if ttl_seconds is None else ttl_seconds,
            ttl_jitter,
            stale_while_revalidate,
            stale_if_error,
            negative_ttl,
            random,
        )
        self._key_fn = key_function(cache_key_fn, exclude)
        self._version = version
        codec = make_serializer(serializer, signing_key)
        store = make_store(
            backend, cache_dir=cache_dir, redis_url=redis_url, max_bytes=max_bytes, clock=clock
        )
        if max_entries is not None and store is not None:
            msg = "max_entries bounds the memory backend; bound a disk store by max_bytes"
            raise ConfigurationError(msg)
        if share and store is not None:
            msg = "share=True keeps the very object and so needs the memory backend"
            raise ConfigurationError(msg)
        if max_entries is not None and max_entries < 1:
            msg = f"max_entries must be at least 1, got {max_entries!r}"
            raise ConfigurationError(msg)
        if max_bytes is not None and max_bytes < 1:
            msg = f"max_bytes must be at least 1, got {max_bytes!r}"
            raise ConfigurationError(msg)
        self._memory = MemoryStore(max_entries or _MEMORY_ENTRIES, max_bytes or _MEMORY_BYTES)
        self._shelf: MemoryShelf | StoreShelf
        if store is None:
            self._shelf = MemoryShelf(self._memory, clock, share=share, serializer=codec)
        else:
            self._shelf = StoreShelf(store, clock, namespace=namespace, serializer=codec)
        rules = Rules(
            lifetimes,
            tag_function(tags),
            error_kinds(negative_errors),
            shadow,
            finish,
            chosen("pace", pace, ("instant", "recorded")),
        )
        self._answers = Answers(self._shelf, rules, clock, cluster_of(single_flight, self._shelf))
        self._now = clock.monotonic
        self._scopes = Scopes(stored=store is not None)
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
        self._name = self._shelf.namer(self._scope)
        # The entries of a memory store, which may be asked without a detour; else always empty.
        direct = isinstance(self._shelf, MemoryShelf) and not self._answers.rules.shadow
        self._direct: dict[Hashable, MemoryEntry] = self._memory.entries if direct else {}
        self._part = self._scope if direct else None
        # The same for a store that need not be waited for.
        near = isinstance(self._shelf, StoreShelf) and self._shelf.local is not None
        self._near = self._answers.at_once if near and not self._answers.rules.shadow else None

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Return the remembered result, or run the step and remember it."""
        given = context is not None  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
        if observe.active is not None:
            return await observe.observed_execute(
                CachePrimitive._lookup, self, input_data, context if given else WorkflowContext()
            )
        # What `_lookup` does, without a call: a hit in memory costs little more than an await. It
        # needs no context of its own: one is made only when something is to be told it.
        if self._key_fn is not None:
            if not given:
                context = WorkflowContext()
            key = self._key_fn(input_data, context)
        else:
            key = input_data if type(input_data) is str else default_key(input_data)
        try:
            entry = self._direct.get(key if self._part is None else (self._part, key))
        except TypeError as error:
            raise unhashable(key) from error
        if entry is None or entry.direct_until <= self._now():
            if self._near is not None and not (given and context.cache_mode):
                value = self._near(self._name(key), context.state if given else None)
                if value is not NOTHING:
                    return value
            return await self._ask(key, cast("In", input_data), context or WorkflowContext())
        if given and context.cache_mode is not None:
            return await self._ask(key, cast("In", input_data), context)
        if entry.restore is None:
            value = entry.value
        else:
            try:
                value = entry.restore(entry.value)
            except Exception as error:  # noqa: BLE001 - logged; the step can answer
                self._answers.pass_over(self, entry, error)
                return await self._ask(key, cast("In", input_data), context or WorkflowContext())
        entry.uses += 1
        if given:
            try:
                context.state["cache_hits"] += 1
            except KeyError:
                context.state["cache_hits"] = 1
        return value

    vars(execute)["_tta_entry"] = True  # it calls the observers itself

    def begin_execute(self, input_data: In, context: WorkflowContext) -> Out | Pending:
        """Return the remembered result at once; see `WorkflowPrimitive.begin_execute`."""
        if observe.active is not None:
            return Pending(self.execute(input_data, context))
        key = self._key(input_data, context)
        try:
            entry = self._direct.get(key if self._part is None else (self._part, key))
        except TypeError as error:
            raise unhashable(key) from error
        if context.cache_mode is not None:
            return Pending(self._ask(key, input_data, context))
        if entry is None or entry.direct_until <= self._now():
            if self._near is not None:
                value = self._near(self._name(key), context.state)
                if value is not NOTHING:
                    return value
            return Pending(self._ask(key, input_data, context))
        try:
            value = entry.value if entry.restore is None else entry.restore(entry.value)
        except Exception as error:  # noqa: BLE001 - logged; the step can answer
            self._answers.pass_over(self, entry, error)
            return Pending(self._ask(key, input_data, context))
        entry.uses += 1
        context.state["cache_hits"] = context.state.get("cache_hits", 0) + 1
        return value

    async def _lookup(self, input_data: In, context: WorkflowContext) -> Out:
        return await self._ask(self._key(input_data, context), input_data, context)

    def _ask(
        self, key: Hashable, input_data: In, context: WorkflowContext
    ) -> CoroutineType[Any, Any, Out]:
        return self._answers.answer(Ask(self, self._name(key), input_data, context))

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Yield the remembered chunks, or those of the step while they come, and remember them.

        Whoever asks for a stream that is under way gets its chunks from the first one on. A stream
        that failed, or that nobody read to its end, is not kept.
        """
        name = self._name(self._key(input_data, context))
        answer = stream_answer(self._answers, Ask(self, name, input_data, context))
        async with contextlib.aclosing(answer) as chunks:
            async for chunk in chunks:
                yield chunk

    def _key(self, input_data: In, context: WorkflowContext) -> Hashable:
        if self._key_fn is not None:
            return self._key_fn(input_data, context)
        return default_key(input_data)

    async def delete(self, input_data: In, context: WorkflowContext = FRESH) -> bool:
        """Delete the entry of one input; tell whether there was one.

        Of this and the other deletions: an answer that is under way and that they mean is not
        kept, and not given to callers who ask from now on.

        Raises:
            StoreError: The store cannot be written.
        """
        key = self._key(input_data, WorkflowContext() if context is None else context)  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
        name = self._name(key)
        self._answers.forget(lambda key, _: key == name)
        return await self._shelf.delete(name) > 0

    async def delete_prefix(self, prefix: str) -> int:
        """Delete the entries of this step whose keys are text that begins with *prefix*.

        Returns how many there were. On Redis this looks at every key.

        Raises:
            StoreError: The store cannot be written.
            ConfigurationError: *prefix* is longer than a store outside this process can look for.
        """
        shelf, scope = self._shelf, self._scope
        self._answers.forget(lambda key, _: shelf.begins(key, scope, prefix))
        return await shelf.delete_prefix(scope, prefix)

    async def delete_tags(self, *tags: str) -> int:
        """Delete the entries that carry any of *tags*, of all steps under this cache.

        Returns how many there were. The entries without them cost nothing.

        Raises:
            StoreError: The store cannot be written.
        """
        wanted = frozenset(tags)
        self._answers.forget(lambda _, carried: not wanted.isdisjoint(carried))
        return await self._shelf.delete_tags(tags)

    async def clear(self) -> None:
        """Delete every entry of this namespace of the store, and begin the counts anew.

        Raises:
            StoreError: The store cannot be written.
        """
        self._answers.forget_all()
        await self._shelf.clear()

    def clear_cache(self) -> None:
        """Do the same as `clear`, for a store that does not wait for a network.

        Raises:
            StoreError: The store cannot be written.
            ConfigurationError: The store is behind a network.
        """
        self._answers.forget_all()
        self._shelf.clear_local()

    def evict_expired(self) -> int:
        """Drop the entries that are past their time and return how many.

        Raises:
            StoreError: The store cannot be written.
            ConfigurationError: The store is behind a network, and drops them by itself.
        """
        dropped = self._shelf.delete_expired()
        self._answers.accounts.expirations += dropped
        return dropped

    def get_stats(self) -> dict[str, float]:
        """Return what was counted: size, hits, misses, and what the hits have saved.

        `hit_rate` is in per cent. `coalesced` are the misses that shared somebody else's call,
        `stale` the answers that were past their time. `saved_cost` (US dollars),
        `saved_input_tokens` and `saved_output_tokens` sum up what hits and coalesced misses did
        not need again, `saved_seconds` what the calls took that hits did not wait for. The size
        is that of the whole store, as far as it is not behind a network; the rest was counted by
        this cache and its wraps.

        Raises:
            StoreError: The store cannot be read.
        """
        counts, saved = self._answers.accounts, self._shelf.savings().copy()
        hits = saved.hits
        saved.merge(counts.shared)
        asked = hits + counts.misses
        return {
            "size": self._shelf.size(),
            "hits": hits,
            "misses": counts.misses,
            "expirations": counts.expirations + self._shelf.expirations,
            "evictions": self._memory.evictions,
            "hit_rate": round(100 * hits / asked, 2) if asked else 0.0,
            "coalesced": counts.shared_calls,
            "stale": counts.stale,
            "saved_cost": saved.cost,
            "saved_input_tokens": saved.input_tokens,
            "saved_output_tokens": saved.output_tokens,
            "saved_seconds": saved.seconds,
        }

    def close(self) -> None:
        """Release the files of a disk store; the next use opens them again."""
        self._shelf.close()

    async def aclose(self) -> None:
        """Wait for the calls that go on by themselves, then release files and connections.

        The next use opens them again. Connections belong to an event loop: close in the loop that
        asked.
        """
        await self._answers.settle()
        await self._shelf.aclose()

    async def __aenter__(self) -> CachePrimitive[In, Out]:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()
