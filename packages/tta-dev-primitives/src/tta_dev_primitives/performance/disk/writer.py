"""Entries that are written a moment later, many in one transaction."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.performance.stores.base import StoreBusyError

from .rows import DATA, KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .rows import Row

_ENTRIES_AT_ONCE: Final = 1024
_BYTES_PER_ENTRY: Final = 512
_LINGER_SECONDS: Final = 1.0
_logger = logging.getLogger("tta_dev_primitives.cache")


class WriteBehind:
    """A bounded dict of what is still to be written, and a thread that writes it.

    The thread starts with the first entry, ends when there was nothing to do for a second, and is
    joined by `close`. Groups are written one after the other, in the order in which they came.

    Args:
        commit: Writes rows, whose keys differ, in one transaction.
        name: What is written to, for warnings.
        flush_seconds: The first entry of a group waits at most this long for others.
        max_bytes: At most this much waits.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Row]], None],
        name: str,
        *,
        flush_seconds: float,
        max_bytes: int,
    ) -> None:
        self._commit, self._name = commit, name
        self._flush_seconds, self._max_bytes = flush_seconds, max_bytes
        self.renew()

    def renew(self) -> None:
        """Forget what waits, the thread and the locks, as a child must after a fork."""
        self._changed = threading.Condition(threading.Lock())
        self._turn = threading.Lock()  # held by whoever is committing
        self._waiting: dict[bytes, Row] = {}
        self._committing: dict[bytes, Row] = {}
        self._waiting_bytes = self._committing_bytes = 0
        self._thread: threading.Thread | None = None
        self._closing = False
        self._failing = False
        self._unsaid = 0

    def find(self, key: bytes) -> Row | None:
        """Return the row of *key*, if it is not in the file yet."""
        with self._changed:
            return self._waiting.get(key) or self._committing.get(key)

    def add(self, row: Row, *, wait: bool) -> None:
        """Put *row* in line.

        Raises:
            StoreBusyError: There is no room, and *wait* is false.
        """
        size = len(row[DATA]) + _BYTES_PER_ENTRY
        alone = False
        with self._changed:
            crowded = self._waiting_bytes + self._committing_bytes + size > self._max_bytes
            if crowded and not wait:
                self._changed.notify_all()
                raise StoreBusyError
            known = self._waiting.pop(row[KEY], None)
            if known is not None:
                self._waiting_bytes -= len(known[DATA]) + _BYTES_PER_ENTRY
            self._waiting[row[KEY]] = row
            self._waiting_bytes += size
            if self._thread is None:
                alone = not self._start()
            elif len(self._waiting) == 1 or self._is_full():
                self._changed.notify_all()
        if crowded or alone:
            self.drain()

    def drain(self) -> int:
        """Write what waits, from this thread, and return how many entries had to be dropped."""
        with self._turn:
            with self._changed:
                if not self._waiting:
                    return 0
                rows = self._committing = self._waiting
                self._committing_bytes = self._waiting_bytes
                self._waiting, self._waiting_bytes = {}, 0
            dropped = 0
            try:
                self._commit(list(rows.values()))
            except Exception as error:  # noqa: BLE001 - said; nobody is there to whom to raise it
                dropped = len(rows)
                self._tell_failure(error, dropped)
            else:
                self._failing = False
                self._tell_unsaid()
            finally:
                with self._changed:
                    self._committing, self._committing_bytes = {}, 0
            return dropped

    def close(self) -> None:
        """Write what waits, and wait for the thread to end; the next entry starts another."""
        with self._changed:
            thread, self._closing = self._thread, True
            self._changed.notify_all()
        try:
            if thread is not None:
                thread.join()
        finally:
            with self._changed:
                self._closing = False
        self.drain()
        self._tell_unsaid()

    def _start(self) -> bool:
        thread = threading.Thread(target=self._run, name="tta-cache-writer", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is about to end, or there are too many
            return False
        self._thread = thread
        return True

    def _is_full(self) -> bool:
        # At half of what may wait, so that others can come while a group is written.
        return len(self._waiting) >= _ENTRIES_AT_ONCE or self._waiting_bytes * 2 >= self._max_bytes

    def _run(self) -> None:
        while self._next_group():
            self.drain()

    def _next_group(self) -> bool:
        """Wait until a group is to be written; False when the thread is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing, _LINGER_SECONDS)
            if not self._waiting:
                self._thread = None
                return False
            self._changed.wait_for(lambda: self._is_full() or self._closing, self._flush_seconds)
            return True

    def _tell_failure(self, error: Exception, dropped: int) -> None:
        if self._failing:
            self._unsaid += dropped
            return
        self._failing = True
        _logger.warning("%s; %d entries that waited to be written are dropped", error, dropped)

    def _tell_unsaid(self) -> None:
        if self._unsaid:
            _logger.warning(
                "%d more entries that waited to be written to %s were dropped",
                self._unsaid,
                self._name,
            )
            self._unsaid = 0
