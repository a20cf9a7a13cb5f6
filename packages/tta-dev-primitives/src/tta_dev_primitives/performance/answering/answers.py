"""Answer from what is kept, or have the answer made once for all who ask for it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Literal

from tta_dev_primitives.core.deadline import within
from tta_dev_primitives.core.streaming import join_chunks
from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.single_flight import SingleFlight
from tta_dev_primitives.performance.values.encoding import DecodingError

from .accounts import Accounts
from .endings import Endings
from .entries import NOTHING, Kept, RememberedError, Worth, as_result
from .invalidations import Invalidations
from .shared_stream import SharedStreams
from .shelf import PENDING
from .stream_recording import Recording

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from tta_dev_primitives.core import observe
    from tta_dev_primitives.core.clock import Clock

    from .cluster_answers import Cluster
    from .invalidations import Condition, Token
    from .questions import Ask, Owner, Rules
    from .shelf import Entry, Shelf


class Answers:
    """The work of a cache, whatever it keeps its answers in; all its wraps share one."""

    def __init__(self, shelf: Shelf, rules: Rules, clock: Clock, cluster: Cluster | None) -> None:
        self.shelf, self.rules, self.clock, self.cluster = shelf, rules, clock, cluster
        self.flights: SingleFlight[tuple[Any, Kept | None]] = SingleFlight(finish=rules.finish)
        self.streams = SharedStreams()
        self.invalidations = Invalidations()
        self._endings = Endings()
        self.accounts = Accounts(shelf, shadow=rules.shadow)
        # Looked up once, as they are on the path of every hit.
        self._peek, self._find, self._load = shelf.peek, shelf.find, shelf.load
        self._time, self._used = shelf.now, shelf.used

    async def answer(self, ask: Ask) -> Any:  # Any: the step's own type
        """Return the answer for *ask*: kept, stale as far as the rules allow, or made now."""
        result, value = await self.look(ask)
        if result == "miss":
            return await self._miss(ask)
        if result == "bypass" or (self.rules.shadow and result == "hit"):
            return await ask.owner.primitive.execute(ask.input_data, ask.context)
        if self.rules.shadow:
            return (await self.fill(ask))[0]
        if result == "stale":
            self._renew(ask)
        return as_result(value)

    def at_once(
        self,
        key: Hashable,
        state: dict[str, Any] | None,  # Any: users' own
    ) -> Any:  # Any: the step's own type
        """Return the answer under *key*, counted, if it is fresh and can be had without waiting.

        Else `NOTHING`, whatever the cause: the long way meets it again and says it.
        """
        try:
            entry = self._peek(key)
            if entry is None or entry.fresh_until <= self._time():
                return NOTHING
            value = self._load(entry)
        except Exception:  # noqa: BLE001 - as the docstring says
            return NOTHING
        if type(value) is Recording or type(value) is RememberedError:
            return NOTHING
        self._used(entry)
        if state is not None:
            state["cache_hits"] = state.get("cache_hits", 0) + 1
        return value

    async def look(self, ask: Ask) -> tuple[observe.CacheResult, Any]:  # Any: whatever was kept
        """Return what to do about *ask*, and the kept value for `hit` and `stale`; tell both."""
        mode = ask.context.cache_mode
        if mode is not None:
            if mode == "refresh":
                return "miss", None
            self.accounts.report(ask, "bypass")
            return "bypass", None
        try:
            entry = self._peek(ask.key)
            while entry is PENDING:
                begun = self._endings.count
                entry = await self._find(ask.key)
                if entry is None and self._endings.include(ask.key, since=begun):
                    entry = PENDING  # it may have been written after the look
        except StoreError as error:
            self.accounts.warn_of(ask, error)
            return "miss", None
        if entry is None:
            return "miss", None
        now = self._time()
        result: Literal["hit", "stale"] = "hit"
        if entry.fresh_until <= now:
            ask.spare = entry
            if entry.expires_at <= now or not self._may_revalidate(entry, now):
                return "miss", None
            result = "stale"
        try:
            value = self._load(entry)
        except Exception as error:  # noqa: BLE001 - logged; whatever it is, the step can answer
            self.pass_over(ask.owner, entry, error)
            ask.spare = None
            return "miss", None
        self.accounts.found(ask, entry, result)
        return result, value

    def _may_revalidate(self, entry: Entry, now: float) -> bool:
        return self.rules.lifetimes.may_revalidate(entry.fresh_until, now)

    def load(self, ask: Ask, entry: Entry) -> Any:  # Any: whatever was kept
        """Return what *entry* holds, or `NOTHING` where it cannot be read."""
        try:
            return self.shelf.load(entry)
        except Exception as error:  # noqa: BLE001 - logged; whatever it is, the step can answer
            self.pass_over(ask.owner, entry, error)
            return NOTHING

    def pass_over(self, owner: Owner, entry: Entry, error: Exception) -> None:
        """Do without *entry*, which cannot be read."""
        self.shelf.discard(entry)
        text = str(error) if isinstance(error, DecodingError) else repr(error)
        self.accounts.warn_once(owner, f"an entry was passed over: {text}")

    async def _miss(self, ask: Ask) -> Any:  # Any: the step's own type
        joined = self.joins(ask)
        self.accounts.missed(ask, joined=joined)
        try:
            if self.rules.shadow:
                value, kept = await self.fill(ask)
            else:
                value, kept = await within(
                    self.shared(ask), ask.context.deadline, self.clock, ask.owner.label
                )
        except Exception:
            instead = self.instead_of_error(ask)
            if instead is NOTHING:
                raise
            return as_result(instead)
        self.accounts.made(ask, value, joined=joined)
        if not joined or kept is None:
            return value
        return kept.restored()

    def joins(self, ask: Ask) -> bool:
        """Tell whether somebody's call can be shared."""
        return self.flights.under_way(ask.flight) or self.streams.under_way(ask.flight)

    async def shared(self, ask: Ask) -> tuple[Any, Kept | None]:
        """Return what the one call for all who ask the same returns, whoever began it."""
        stream = self.streams.current(ask.flight)
        if stream is None:
            shared = ask.without_deadline()
            return await self.flights.run(ask.flight, lambda: self.fill(shared))
        async with contextlib.aclosing(stream.subscribe()) as chunks:
            return join_chunks([chunk async for chunk in chunks]), None

    def instead_of_error(self, ask: Ask) -> Any:  # Any: whatever was kept
        """Return the stale answer that may be given instead of an error, or `NOTHING`."""
        entry, lifetimes = ask.spare, self.rules.lifetimes
        if entry is None or self.rules.shadow:
            return NOTHING
        now = self.shelf.now()
        if entry.expires_at <= now or not lifetimes.may_replace_error(entry.fresh_until, now):
            return NOTHING
        value = self.load(ask, entry)
        if value is not NOTHING:
            self.accounts.found(ask, entry, "stale")
        return value

    async def fill(self, ask: Ask) -> tuple[Any, Kept | None]:
        """Run the step for all who ask the same, and keep what it returned."""
        token = self.begin(ask)
        try:
            if self.cluster is None or ask.refreshes or self.rules.shadow:
                return await self.make(ask, token)
            return await self.cluster.make(self, ask, token)
        finally:
            self.ended(ask, token)

    def begin(self, ask: Ask) -> Token:
        """Return a token for an answer that is made from now on."""
        if ask.refreshes:
            # Whoever refreshes knows that what was begun before may be out of date.
            self.invalidations.add(lambda key, _: key == ask.key)
        return self.invalidations.begin()

    def ended(self, ask: Ask, token: Token) -> None:
        """Take note that an answer has been made, or could not be."""
        self.invalidations.end(token)
        self._endings.add(ask.key)

    async def make(
        self, ask: Ask, token: Token, put: Callable[..., Awaitable[None]] | None = None
    ) -> tuple[Any, Kept | None]:
        """Run the step and keep what it returned, or hand it to *put* instead."""
        began = self.clock.monotonic()
        try:
            value = await ask.owner.primitive.execute(ask.input_data, ask.context)
        except Exception as error:
            await self.remember_error(ask, token, error, self.clock.monotonic() - began, put)
            raise
        return value, await self.remember(ask, token, value, self.clock.monotonic() - began, put)

    async def remember(
        self,
        ask: Ask,
        token: Token,
        value: Any,  # Any: what the step returned, or a recording of what it yielded
        duration: float,
        put: Callable[..., Awaitable[None]] | None = None,
    ) -> Kept | None:
        """Keep *value*, unless it says that it should not be; return its kept form."""
        kept = self.shelf.keep(value)
        whole = value.joined() if type(value) is Recording else value
        if kept is None or not self.shelf.takes(kept):
            self.accounts.warn_once(
                ask.owner,
                f"a {type(whole).__qualname__} cannot be kept, so it is not cached; return data "
                "(JSON values, dataclasses of a module), or pass share=True with the memory "
                "backend",
            )
        elif getattr(whole, "cacheable", True):
            tags: tuple[str, ...] = ()
            if self.rules.tags is not None:
                tags = tuple(self.rules.tags(ask.input_data, whole))
            times = self.rules.lifetimes.of_answer(self.shelf.now())
            worth = Worth.of(whole, duration)
            await (put or self._put)(ask, token, kept, times, worth, tags)
        return kept

    async def remember_error(
        self,
        ask: Ask,
        token: Token,
        error: Exception,
        duration: float,
        put: Callable[..., Awaitable[None]] | None = None,
    ) -> None:
        """Keep *error* if the rules say so; it never takes the place of a stale answer."""
        rules = self.rules
        if rules.lifetimes.negative is None or not isinstance(error, rules.negative_errors):
            return
        if ask.spare is not None and ask.spare.expires_at > self.shelf.now():
            return
        kept = self.shelf.keep(RememberedError(error))
        if kept is None or not self.shelf.takes(kept):
            self.accounts.warn_once(
                ask.owner, f"a {type(error).__qualname__} cannot be kept, so it is not cached"
            )
            return
        times = rules.lifetimes.of_error(self.shelf.now())
        await (put or self._put)(ask, token, kept, times, Worth.of(None, duration), ())

    async def _put(
        self, ask: Ask, token: Token, kept: Kept, times: tuple[float, float], worth: Worth,
        tags: tuple[str, ...],
    ) -> None:  # fmt: skip
        if self.invalidations.concern(token, ask.key, tags):
            return
        try:
            await self.shelf.put(ask.key, kept, times, worth, tags)
            await self.take_back(ask, token, tags)
        except StoreError as error:
            self.accounts.warn_of(ask, error)

    async def take_back(self, ask: Ask, token: Token, tags: tuple[str, ...]) -> None:
        """Delete what was written if a deletion came while it was, and may have been first.

        Raises:
            StoreError: The store cannot be written.
        """
        if self.invalidations.concern(token, ask.key, tags):
            await self.shelf.delete(ask.key)

    def _renew(self, ask: Ask) -> None:
        """Have a stale answer made anew, while whoever asks goes on with the old one."""
        shared = ask.without_deadline()

        async def renew() -> tuple[Any, Kept | None]:
            try:
                return await self.fill(shared)
            except Exception as error:
                self.accounts.warn_of_renewal(ask, error)
                raise

        if not self.renews(ask):
            self.flights.begin(ask.flight, renew)

    def renews(self, ask: Ask) -> bool:
        """Tell whether a new answer is being made for whoever comes next."""
        return self.joins(ask) or self.flights.under_way(renewal_of_stream(ask))

    def forget(self, condition: Condition) -> None:
        """Neither keep what is being made and meant by *condition*, nor give it to later callers.

        Whoever asks from now on begins anew, also where the call under way is another one: what a
        call will be tagged with is known only at its end.
        """
        self.invalidations.add(condition)
        self.flights.forget()
        self.streams.forget()

    def forget_all(self) -> None:
        """Do that with all, and begin the counts anew."""
        self.forget(lambda _key, _tags: True)
        self.accounts.reset()

    async def settle(self) -> None:
        """Wait for the calls that nobody waits for, as far as they belong to the running loop.

        What they raise was logged, or concerns nobody any more.
        """
        await self.flights.settle()
        await asyncio.gather(*self.streams.unread(), return_exceptions=True)


def renewal_of_stream(ask: Ask) -> Hashable:
    """Return the name of the call that reads a stream for whoever comes next."""
    return ("renewal of a stream", ask.key)
