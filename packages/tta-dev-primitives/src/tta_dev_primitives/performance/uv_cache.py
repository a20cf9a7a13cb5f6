"""A cache on disk that knows which packages its answers came from."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from tta_dev_primitives.core.base import In, Out, Step, X, Y
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.errors import ConfigurationError, StoreError
from tta_dev_primitives.performance.environment.fingerprint import EnvFingerprint
from tta_dev_primitives.performance.environment.folder import mark_folder, project_cache_folder
from tta_dev_primitives.performance.environment.records import FingerprintRecords
from tta_dev_primitives.performance.stores.base import StoreBusyError
from tta_dev_primitives.performance.stores.disk import DiskStore

from .cache import CachePrimitive

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Generator

    from tta_dev_primitives.performance.stores.base import StoredEntry

_DAY: Final = 86_400.0
_logger = logging.getLogger("tta_dev_primitives.cache")


class UVCachePrimitive(CachePrimitive[In, Out]):
    """Remember on disk what a step returned, for as long as its packages stay the same.

    The key of every entry begins with the fingerprint of the distributions that the answers
    depend on. Upgrade one of them, or one that they require, and the step is asked again;
    upgrade anything else, or rebuild the environment, and the entries are still found.

    The entries lie beside the environment, never in it. Projects may share a folder: they share
    answers where their packages are the same, and `prune()` of one leaves what another one uses.

    The fingerprint is taken once, here, which reads files for some milliseconds. The folder is
    made at the first use.

    Args:
        primitive: What to run on a miss.
        depends_on: Names of installed distributions, as for `EnvFingerprint.of`.
        cache_dir: Folder of the entries. Else `TTA_CACHE_DIR`; else `.tta-cache` beside `.venv`
            if Python runs in one; else `tta-dev` in the user's cache folder.
        lock: A `uv.lock` whose hashes count as well, as for `EnvFingerprint.of`.
        namespace: Keeps entries of one fingerprint apart, as for `CachePrimitive`.
        max_bytes: Bound of the file that holds the entries of all fingerprints.
        clock: Where the time comes from.
        options: Further options of `CachePrimitive`.

    Attributes:
        fingerprint: What the entries depend on. `fingerprint.explain()` shows it.
        cache_dir: The folder in use.

    Raises:
        ConfigurationError: A distribution is not installed, the folder lies in a virtual
            environment, the lock cannot be read, or `CachePrimitive` refuses an option.
    """

    fingerprint: EnvFingerprint
    cache_dir: Path

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        *,
        depends_on: Collection[str],
        cache_dir: str | os.PathLike[str] | None = None,
        lock: str | os.PathLike[str] | None = None,
        namespace: str = "",
        max_bytes: int = 1 << 30,
        clock: Clock = SYSTEM_CLOCK,
        **options: Any,  # Any: those of CachePrimitive, which checks them
    ) -> None:
        if isinstance(depends_on, str):
            msg = f"depends_on takes a collection of names, got {depends_on!r}; put it in a list"
            raise ConfigurationError(msg)
        if "backend" in options:
            msg = (
                "UVCachePrimitive keeps its entries on disk; for another backend use "
                "CachePrimitive(..., namespace=EnvFingerprint.of(...).digest)"
            )
            raise ConfigurationError(msg)
        self.cache_dir = project_cache_folder(cache_dir)
        self.fingerprint = EnvFingerprint.of(*depends_on, lock=lock)
        user = str(Path(sys.prefix).resolve())
        if lock is not None:
            # Two caches of a project, one with the lock and one without, do not replace each other.
            user = f"{user} with lock {lock if lock == 'auto' else Path(lock).resolve()}"
        self._claim = _Claim(self.cache_dir, self.fingerprint, user, clock)
        self._entries = _ClaimedStore(self._claim, max_bytes)
        prefix = self.fingerprint.digest
        super().__init__(
            primitive,
            backend=self._entries,
            namespace=f"{prefix}:{namespace}" if namespace else prefix,
            clock=clock,
            **options,
        )

    def wrap(self, primitive: Step[X, Y]) -> UVCachePrimitive[X, Y]:
        """Return this cache around *primitive*: one store, entries kept apart."""
        return cast("UVCachePrimitive[X, Y]", super().wrap(primitive))

    def __call__(self, primitive: Step[X, Y]) -> UVCachePrimitive[X, Y]:
        """Decorate a function: the same as `wrap`."""
        return self.wrap(primitive)

    def prune(self, *, max_age_days: float = 30.0) -> int:
        """Drop the entries of dead fingerprints and return how many there were.

        A fingerprint is dead when each environment that used it has another one now for the same
        `depends_on` and the same Python, or has not begun to use it, nor pruned, nor written, for
        *max_age_days*. Entries of other caches in the folder are left alone.

        Blocks while it works on the file; call it when a program begins or ends, or in a thread.

        Args:
            max_age_days: Days after which a fingerprint is given up although nothing replaced it.

        Raises:
            ConfigurationError: *max_age_days* is negative.
            StoreError: The files cannot be used.
        """
        if not max_age_days >= 0:
            msg = f"max_age_days must be 0 or more, got {max_age_days!r}"
            raise ConfigurationError(msg)
        claim, records = self._claim, self._claim.records
        before = claim.make() - max_age_days * _DAY
        with claim.usable():
            dead = records.dead(before)
            # Outside the lock, so that others can begin. One that goes back to a fingerprint at
            # this very moment loses entries, and nothing else.
            dropped = sum(self._entries.delete_prefix(digest.encode()) for digest in dead)
            records.forget(dead, before)
        return dropped


class _ClaimedStore(DiskStore):
    """A disk store that notes, before it is used, which fingerprint it is used for, and by whom."""

    def __init__(self, claim: _Claim, max_bytes: int) -> None:
        super().__init__(claim.folder, max_bytes=max_bytes)
        self._claim = claim

    def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
        if not self._claim.made:
            self._make_claim(wait=wait)
        return super().read(key, wait=wait)

    def write(self, key: bytes, entry: StoredEntry, *, wait: bool = False) -> None:
        # Every day again, for the sake of processes that run for longer than max_age_days.
        if entry.stored_at >= self._claim.good_until:
            self._make_claim(wait=wait)
        super().write(key, entry, wait=wait)

    def _make_claim(self, *, wait: bool) -> None:
        if not wait:
            raise StoreBusyError  # several files are read and written: not in an event loop
        self._claim.make_or_warn()


class _Claim:
    """The use that this environment makes of a fingerprint, as it is noted in a folder."""

    def __init__(self, folder: Path, fingerprint: EnvFingerprint, user: str, clock: Clock) -> None:
        self.folder, self.records = folder, FingerprintRecords(folder)
        self.made, self.good_until = False, 0.0
        self._fingerprint, self._user, self._clock = fingerprint, user, clock
        self._taken = clock.time()

    def make(self) -> float:
        """Note that the fingerprint is in use, and return the present time.

        Raises:
            StoreError: The folder cannot be used.
        """
        now = self._clock.time()
        with self.usable():
            mark_folder(self.folder)
            left = self.records.claim(self._fingerprint, self._user, taken=self._taken, now=now)
        self.made, self.good_until = True, now + _DAY
        if left is not None:
            changes = "; ".join(self._fingerprint.changed_from(left))
            _logger.info("entries in %s are left behind: %s", self.folder, changes)
        return now

    def make_or_warn(self) -> None:
        """Do the same, but let the entries be used all the same if it cannot be noted."""
        try:
            self.make()
        except StoreError as error:
            self.made, self.good_until = True, self._clock.time() + _DAY
            _logger.warning("%s; so prune() may drop entries that are in use", error)

    @contextmanager
    def usable(self) -> Generator[None]:
        """Raise what the file system refuses as a StoreError."""
        try:
            yield
        except StoreError:
            raise
        except OSError as error:
            msg = f"use of cache folder {self.folder} cannot be noted: {error}"
            raise StoreError(msg) from error
