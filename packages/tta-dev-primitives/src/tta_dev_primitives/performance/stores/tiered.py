"""Several stores as one: near and fast in front, shared behind."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Self, cast

from tta_dev_primitives.core.clock import SYSTEM_CLOCK
from tta_dev_primitives.errors import ConfigurationError, StoreError
from tta_dev_primitives.performance.tiers.deletion import Deletion
from tta_dev_primitives.performance.tiers.near_tiers import NearTiers
from tta_dev_primitives.performance.tiers.tier import Tier

from .base import ClusterStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

    from tta_dev_primitives.core.clock import Clock
    from tta_dev_primitives.performance.tiers.deletion import Invalidation

    from .base import AsyncStore, Store, StoredEntry


class TieredStore:
    """An `AsyncStore` over several stores, the front one asked first.

    What is found behind is copied to the front with the life that it has left. What is written or
    deleted is so in all tiers, from the last to the first. A tier that fails is passed over with
    one warning per outage; an error is raised only when none could do what was asked. Entries
    that were deleted while a tier was away are deleted before it is asked again, as long as this
    process lives.

    With an *invalidation*, what is deleted or replaced through one process leaves the nearer
    tiers of all others. It is heard by one task per event loop, which begins at the first use and
    ends with `aclose`. While nothing is heard, the last tier is asked first, and the nearer ones
    only if it is away.

    If the last tier is a `ClusterStore`, so is this. Whoever is cancelled in the middle of a
    change may have changed the last tiers only.

    Args:
        tiers: The stores, front first. They are closed with this one.
        local_seconds: Longest life of an entry in the tiers before the last one; None for its
            whole life. A bound for how long others' changes go unseen where nothing tells of them.
        invalidation: Tells other processes what was deleted; owned by this store.
        clock: Where the time comes from.

    Raises:
        ConfigurationError: There is no tier, *local_seconds* is not positive, or there is nothing
            in front for an *invalidation* to delete from.
    """

    def __new__(cls, tiers: Sequence[Store | AsyncStore], **_options: object) -> Self:  # noqa: D102
        # A protocol is told by its methods, so only a class of its own can offer one more.
        if cls is TieredStore and tiers and isinstance(tiers[-1], ClusterStore):
            return super().__new__(cast("type[Self]", ClusterTieredStore))
        return super().__new__(cls)

    def __init__(  # pyright: ignore[reportInconsistentConstructor] - __new__ ignores the options
        self,
        tiers: Sequence[Store | AsyncStore],
        *,
        local_seconds: float | None = None,
        invalidation: Invalidation | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not tiers:
            msg = "tiers must hold at least one store, got none"
            raise ConfigurationError(msg)
        if local_seconds is not None and not local_seconds > 0:
            msg = f"local_seconds must be positive, or None for no limit, got {local_seconds!r}"
            raise ConfigurationError(msg)
        if invalidation is not None and len(tiers) == 1:
            msg = "invalidation= needs a nearer tier to delete from; put one in front"
            raise ConfigurationError(msg)
        self._near = NearTiers([Tier(store, clock) for store in tiers[:-1]], local_seconds, clock)
        self._last = Tier(tiers[-1], clock, self._tell)
        self._tiers = [*self._near.tiers, self._last]
        self._front = self._tiers[0]
        self._invalidation = invalidation
        self._seen = self._near.promotions.seen
        self._now = clock.time

    async def read(self, key: bytes) -> StoredEntry | None:
        """Return the freshest entry of *key*, or None.

        Tiers are asked from the front until one has an entry that is neither stale nor expired.

        Raises:
            StoreError: No tier could answer.
        """
        hearing = self._invalidation
        if hearing is not None and not hearing.listening() and not await self._hears():
            try:
                return await self._last.read(key)
            except StoreError as error:
                return await self._search(key, self._near.tiers, error=error)
        front = self._front
        if not front.steady:
            return await self._search(key, self._tiers)
        # A hit in front costs little more than the front tier's own.
        seen = self._seen(key)
        try:
            entry = await front.read_at_once(key)
        except StoreError as error:
            front.failed(error)
            return await self._search(key, self._tiers[1:], seen, error=error)
        if entry is not None and entry.fresh_until > self._now():
            return entry
        if len(self._tiers) == 1:
            return entry
        return await self._search(key, self._tiers[1:], seen, entry, answered=True)

    async def _search(
        self,
        key: bytes,
        tiers: Sequence[Tier],
        seen: int | None = None,
        best: StoredEntry | None = None,
        *,
        answered: bool = False,
        error: StoreError | None = None,
    ) -> StoredEntry | None:
        """Return the freshest of *best* and what *tiers* have; copy it to those in front of it."""
        if seen is None:
            seen = self._seen(key)
        now = self._now()
        holder: Tier | None = None
        for tier in tiers:
            if best is not None and best.fresh_until > now:
                break
            try:
                found = await tier.read(key)
            except StoreError as failure:
                error = failure
                continue
            answered = True
            if found is not None and (best is None or _rank(found, now) > _rank(best, now)):
                best, holder = found, tier
        if not answered:
            raise error or StoreError("no cache tier could be read")
        if best is not None and holder is not None and best.expires_at > now:
            await self._near.promote(key, best, self._tiers.index(holder), seen)
        return best

    async def write(self, key: bytes, entry: StoredEntry) -> None:
        """Keep *entry* under *key* in every tier.

        Where a fresh entry of the last tier is replaced, other processes are told.

        Raises:
            StoreError: No tier could keep it.
        """
        if self._invalidation is not None:
            await self._hears()
        seen = self._seen(key)
        error: StoreError | None = None
        kept = False
        try:
            replaced = self._invalidation is not None and await self._replaces(key, entry)
            await self._last.use(lambda: self._last.asked.write(key, entry))
            kept = True
            if replaced:
                await self._tell(Deletion((key,)))
        except StoreError as failure:
            error = failure
        kept = await self._near.write(key, entry, seen) or kept
        if not kept:
            raise error or StoreError("no cache tier could be written")

    async def _replaces(self, key: bytes, entry: StoredEntry) -> bool:
        known = await self._last.read(key)
        return known is not None and known.fresh_until > self._now() and known != entry

    async def delete(self, keys: Sequence[bytes]) -> int:
        """Delete the entries of *keys* and return how many the fullest tier had.

        Raises:
            StoreError: No tier could do it now.
        """
        return await self._delete(Deletion(tuple(keys)))

    async def delete_prefix(self, prefix: bytes) -> int:
        """Delete the entries whose keys begin with *prefix*; return how many the fullest tier had.

        Raises:
            StoreError: No tier could do it now.
        """
        return await self._delete(Deletion(prefixes=(prefix,)))

    async def delete_tags(self, tags: Collection[str]) -> int:
        """Delete the entries that carry any of *tags*; return how many the fullest tier had.

        Raises:
            StoreError: No tier could do it now.
        """
        return await self._delete(Deletion(tags=tuple(tags)))

    async def _delete(self, deletion: Deletion) -> int:
        if self._invalidation is not None:
            await self._hears()
        error: StoreError | None = None
        counts: list[int] = []
        try:
            counts.append(await self._last.delete(deletion))
            await self._tell(deletion)
        except StoreError as failure:
            error = failure  # the others are told when it is made up for
        counts += await self._near.delete(deletion)
        if not counts:
            raise error or StoreError("no cache tier could be written")
        return max(counts)

    async def delete_expired(self, now: float) -> int:
        """Delete entries that expired at or before *now*; return how many the fullest tier had.

        Raises:
            StoreError: No tier could do it.
        """
        error: StoreError | None = None
        counts: list[int] = []
        for tier in reversed(self._tiers):
            try:
                counts.append(await tier.use(partial(tier.asked.delete_expired, now)))
            except StoreError as failure:
                error = failure
        if not counts:
            raise error or StoreError("no cache tier could be written")
        return max(counts)

    async def scan(self, prefix: bytes = b"") -> AsyncIterator[tuple[bytes, StoredEntry]]:
        """Yield the entries of the last tier that works whose keys begin with *prefix*.

        Raises:
            StoreError: No tier could be read, or one failed in the middle.
        """
        error: StoreError | None = None
        for tier in reversed(self._tiers):
            begun = False
            try:
                await tier.settle()
                entries = tier.asked.scan(prefix)
                try:
                    async for found in entries:
                        begun = True
                        yield found
                finally:
                    # Only generators have it; other iterators hold nothing.
                    close = getattr(entries, "aclose", None)
                    if close is not None:
                        await close()
            except StoreError as failure:
                tier.failed(failure)
                error = failure
                if begun:
                    raise
            else:
                return
        raise error or StoreError("no cache tier could be read")

    async def size(self) -> int:
        """Return the number of entries in the last tier that works.

        Raises:
            StoreError: No tier could be read.
        """
        error: StoreError | None = None
        for tier in reversed(self._tiers):
            try:
                return await tier.use(tier.asked.size)
            except StoreError as failure:
                error = failure
        raise error or StoreError("no cache tier could be read")

    async def aclose(self) -> None:
        """End the listening of the running event loop and release what the tiers hold.

        The next use begins anew.

        Raises:
            StoreError: A tier failed; the others were closed.
        """
        error: StoreError | None = None
        if self._invalidation is not None:
            await self._invalidation.aclose()
        for tier in self._tiers:
            try:
                await tier.asked.aclose()
            except StoreError as failure:
                error = failure
        if error is not None:
            raise error

    async def _hears(self) -> bool:
        """Begin to listen where that is not done; tell whether every deletion is heard now."""
        hearing = cast("Invalidation", self._invalidation)
        if not hearing.listening():
            await hearing.start(self._forget, self._near.path)
        return hearing.listening()

    async def _tell(self, deletion: Deletion) -> None:
        if self._invalidation is not None:
            await self._invalidation.publish(deletion)

    async def _forget(self, deletion: Deletion) -> None:
        """Delete from the nearer tiers what another process has deleted."""
        if len(await self._near.delete(deletion)) < len(self._near.tiers):
            msg = "what another process deleted could not be deleted from a nearer tier"
            raise StoreError(msg, reported=True)


class ClusterTieredStore(TieredStore):
    """A `TieredStore` whose last tier lets one process of many do the work for an entry."""

    async def fill_once(
        self, key: bytes, fill: Callable[[], Awaitable[StoredEntry | None]]
    ) -> StoredEntry | None:
        """Return the entry of *key* that another process is making, or else make it by *fill*.

        The entry is put into the nearer tiers as well. While the last tier is away, *fill* runs
        here.

        Raises:
            Exception: What *fill* raised in this process.
        """
        if self._invalidation is not None:
            await self._hears()
        seen = self._seen(key)
        shared = cast("ClusterStore", self._last.asked)
        try:
            await self._last.settle()
        except StoreError:
            entry = await fill()
        else:
            # Not by `Tier.use`: a StoreError from here is that of *fill*, not the tier's.
            entry = await shared.fill_once(key, fill)
        if entry is not None:
            await self._near.write(key, entry, seen)
        return entry


def _rank(entry: StoredEntry, now: float) -> tuple[bool, bool, float]:
    return entry.expires_at > now, entry.fresh_until > now, entry.stored_at
