"""The tiers in front of the last one, which hold copies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tta_dev_primitives.errors import StoreError

from .deletion import Deletion
from .promotion import Promotions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.core.clock import Clock
    from tta_dev_primitives.performance.stores.base import StoredEntry

    from .tier import Tier


class NearTiers:
    """Copies of what the last tier holds, never older than it for long.

    A tier that fails is passed over; what it should have forgotten is made up for later.

    Args:
        tiers: Front first; may be empty.
        local_seconds: Longest life of a copy; None for the life that the entry has left.
        clock: Where the time comes from.

    Attributes:
        promotions: Whose `seen` a reader notes before it reads farther tiers.
    """

    def __init__(self, tiers: Sequence[Tier], local_seconds: float | None, clock: Clock) -> None:
        self.tiers = tiers
        self.promotions = Promotions()
        self._local_seconds, self._now = local_seconds, clock.time

    @property
    def path(self) -> Path | None:
        """File of the first tier that outlives the process, if there is one."""
        paths = (getattr(tier.local, "path", None) for tier in self.tiers)
        return next((path for path in paths if isinstance(path, Path)), None)

    async def promote(self, key: bytes, entry: StoredEntry, holder: int, seen: int) -> None:
        """Copy *entry*, found in tier *holder*, to those in front, unless changed since *seen*."""
        for tier in reversed(self.tiers[:holder]):
            try:
                await self._put(tier, key, entry, seen)
            except StoreError:
                continue  # logged by the tier; the reader has the entry

    async def write(self, key: bytes, entry: StoredEntry, seen: int) -> bool:
        """Keep *entry*, which the last tier was given, unless others changed *key* since *seen*.

        Which of several changes the last tier took last is not known, so the key is then
        forgotten here. Returns whether any tier has the entry.
        """
        kept = False
        for tier in reversed(self.tiers):
            await self.promotions.supersede((key,))
            seen += 1
            try:
                if await self._put(tier, key, entry, seen):
                    kept = True
                else:
                    await tier.delete(Deletion((key,)))
            except StoreError:
                tier.owe(Deletion((key,)))  # what stands there is older
        return kept

    async def delete(self, deletion: Deletion) -> list[int]:
        """Delete what the last tier was told to delete; return the counts of those that could."""
        of_keys = not (deletion.prefixes or deletion.tags)
        counts: list[int] = []
        for tier in reversed(self.tiers):
            await self.promotions.supersede(deletion.keys if of_keys else None)
            try:
                counts.append(await tier.delete(deletion))
            except StoreError:
                continue  # logged and owed by the tier
        return counts

    async def _put(self, tier: Tier, key: bytes, entry: StoredEntry, seen: int) -> bool:
        if self._local_seconds is not None:
            latest = self._now() + self._local_seconds
            if entry.expires_at > latest:
                fresh_until = min(entry.fresh_until, latest)
                entry = replace(entry, fresh_until=fresh_until, expires_at=latest)
        return await tier.use(lambda: self.promotions.put(tier.asked, tier.local, key, entry, seen))
