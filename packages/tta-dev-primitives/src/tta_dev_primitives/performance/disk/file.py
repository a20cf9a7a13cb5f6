"""One cache file and this process' connections to it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakSet

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoreBusyError

from .opening import FAILURES, Connection, is_locked, is_unreadable, open_file, state_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

_WAIT_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.005
_logger = logging.getLogger("tta_dev_primitives.cache")


class DiskFile:
    """A file that is opened at the first use, once per thread, and replaced when it is damaged.

    Args:
        path: The file.
        synchronous: How hard SQLite makes sure that a write has reached the disk: NORMAL, FULL.
    """

    def __init__(self, path: Path, synchronous: str) -> None:
        self.path = path
        self._synchronous = synchronous
        self.renew()

    def renew(self) -> None:
        """Forget connections and locks, as a child must after a fork."""
        # A connection is used by one thread only; all are known here, so that any can close them.
        self._local = threading.local()
        self._connections: WeakSet[Connection] = WeakSet()
        self._lock = threading.Lock()

    def connection(self, *, wait: bool = False) -> Connection:
        """Return this thread's connection, whose lock is to be held while it is used."""
        try:
            connection: Connection = self._local.connection
        except AttributeError:
            pass
        else:
            if not connection.closed:
                if connection.frozen is None or connection.frozen == state_of(self.path):
                    return connection
                connection.close()
        seen = _identity(self.path)
        try:
            connection = self._local.connection = open_file(self.path, self._synchronous, wait=wait)
        finally:
            self._local.file = _identity(self.path) if seen is None else seen
        if connection.frozen is None:
            self._local.short_way = connection.lock, connection.cursor()
        with self._lock:
            self._connections.add(connection)
        return connection

    def execute(self, statement: str, arguments: tuple[object, ...]) -> Any:  # Any: or None
        """Execute *statement* by the shortest way, and return the first row that it finds, or None.

        Any failure is raised as it is; `use` knows what to do about it. That the connection was
        closed is one, too.
        """
        try:
            lock, cursor = self._local.short_way
        except AttributeError:
            connection = self.connection()
            lock, cursor = connection.lock, connection.cursor()
        with lock:
            # A new cursor for every row would cost more than the call. Without the fetching, the
            # cursor of a write would keep the file open.
            return cursor.execute(statement, arguments).fetchone()

    def use(self, work: Callable[[Connection], T], *, wait: bool) -> T:
        """Do *work*, which may be repeated from its beginning.

        A lock becomes StoreBusyError, or is waited for; a damaged file is replaced once.
        """
        patience = time.monotonic() + _WAIT_SECONDS
        replaced = False
        while True:
            try:
                connection = self.connection(wait=wait)
                with connection.lock:
                    if connection.closed:
                        continue  # by another thread, just now
                    return work(connection)
            except FAILURES as error:
                if is_locked(error) and not wait:
                    raise StoreBusyError from error
                if is_locked(error) and time.monotonic() < patience:
                    # SQLite's own waiting is not used: it does not cover the opening of a file.
                    time.sleep(_PAUSE_SECONDS)
                elif is_unreadable(error) and not replaced:
                    replaced = True
                    self._set_aside(error)
                else:
                    raise self.unusable(error) from error

    def close(self) -> None:
        """Close the connections of all threads; what they are doing comes to its end first."""
        with self._lock:
            opened = list(self._connections)
        for connection in opened:
            with connection.lock:
                connection.close()

    def close_if_moved(self) -> None:
        """Close the connections if the file at the path is not the one that they are to."""
        if getattr(self._local, "file", None) != _identity(self.path):
            self.close()

    def unusable(self, error: Exception) -> StoreError:
        """Return the error for a file with which nothing can be done."""
        return StoreError(
            f"cache file {self.path} cannot be used: {error}; the cache goes on without it"
        )

    def _set_aside(self, error: Exception) -> None:
        """Rename the file that could not be read, unless somebody else has done so already."""
        seen = getattr(self._local, "file", None)
        self.close()
        aside = self.path.with_name(f"{self.path.stem}.set-aside-{time.time_ns()}.sqlite3")
        with self._lock:
            if seen != _identity(self.path):
                return
            # The log first: beside a new file it would be taken for the new file's.
            for suffix in ("-wal", "-shm", ""):
                part = self.path.with_name(self.path.name + suffix)
                try:
                    part.replace(aside.with_name(aside.name + suffix))
                except FileNotFoundError:
                    continue
                except OSError as refused:
                    raise self.unusable(refused) from error
        _logger.warning(
            "cache file %s cannot be read (%s); it was set aside as %s and a new one is begun",
            self.path, error, aside.name,
        )  # fmt: skip


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
