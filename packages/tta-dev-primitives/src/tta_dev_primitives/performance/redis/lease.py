"""One process of many fills an entry, under a lease; the others wait for it."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from typing import TYPE_CHECKING, Final, cast

from .scripts import CLAIM, COMPLETE, RELEASE, RENEW

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tta_dev_primitives.performance.stores.base import StoredEntry

    from .access import RedisAccess
    from .wire import Reply

# News may get lost, so a waiter also looks for itself after a time between these, in seconds.
_LOOK_AFTER: Final = (0.3, 0.7)
_UNKNOWN: Final = b"?"
_logger = logging.getLogger("tta_dev_primitives.cache")


class Lease:
    """The right of one caller to fill one entry, for as long as it is renewed.

    Nothing of it needs a task: renewing and releasing are commands whose answers are taken by
    callbacks, so they also work in the middle of a cancellation.

    Args:
        access: The server.
        entry: Name of the entry.
        lease: Name of the lease.
        fences: Name of the counter of fences.
        channel: Where news of the entry are published.
        seconds: How long the lease holds without being renewed.
    """

    def __init__(
        self,
        access: RedisAccess,
        entry: bytes,
        lease: bytes,
        fences: bytes,
        channel: bytes,
        seconds: float,
    ) -> None:
        self._access = access
        self._entry, self._lease, self._fences, self._channel = entry, lease, fences, channel
        self._seconds = seconds
        self._milliseconds = b"%d" % max(1, round(seconds * 1000))
        self._token = secrets.token_hex(16).encode()
        self._header = _UNKNOWN
        self._timer: asyncio.TimerHandle | None = None
        self._left_seconds = 0.0
        self.lost = False
        self.fence = 0.0

    async def take(
        self, now: float, decode: Callable[[bytes], StoredEntry | None]
    ) -> StoredEntry | None:
        """Take the lease, or wait until somebody else has filled the entry and return that.

        Raises:
            StoreError: The server is away.
        """
        try:
            entry = await self._claim(now, decode)
            while entry is None and not self.fence:
                async with self._access.listen(self._channel) as listener:
                    # Only now, when no news can be missed, does it say something to find none.
                    entry = await self._claim(now, decode)
                    while entry is None and not self.fence and not listener.deaf:
                        await listener.wait(min(self._left_seconds, random.uniform(*_LOOK_AFTER)))
                        entry = await self._claim(now, decode)
        except BaseException:
            # It may be ours already: by a question whose answer was not awaited, or while the
            # subscription was ended. Sent behind that question, this comes after it.
            self.release()
            raise
        return entry

    async def _claim(
        self, now: float, decode: Callable[[bytes], StoredEntry | None]
    ) -> StoredEntry | None:
        while True:
            reply = await self._access.run(
                CLAIM,
                (self._entry, self._lease, self._fences),
                (self._token, self._milliseconds, repr(now).encode(), self._header),
            )
            fence, left, header, raw = cast("tuple[bytes | None, int, bytes, bytes | None]", reply)
            if fence is not None:
                self.fence = float(fence)
                self._renew_later()
                return None
            if raw is not None or self._header == _UNKNOWN:
                self._header = header
            entry = None if raw is None else decode(raw)
            if entry is not None or raw is None:
                self._left_seconds = max(1, left) / 1000
                return entry
            # It cannot be read, so it is as good as none; ask again, now that it is known.

    async def complete(self, arguments: Sequence[bytes]) -> None:
        """Write what was made, tell the waiters and give the lease back, unless it was lost.

        Args:
            arguments: Those of the script `WRITE`.

        Raises:
            StoreError: The server is away or refuses.
        """
        self._stop_renewing()
        written = await self._access.run(
            COMPLETE,
            (self._entry, self._lease),
            (self._token, b"%.0f" % self.fence, self._channel, *arguments),
        )
        if not written:
            _logger.debug("an answer took longer than its lease and was not kept")

    def release(self) -> None:
        """Give the lease back without waiting for it, so that a waiter can take over."""
        self._stop_renewing()
        self._access.send(RELEASE, (self._lease,), (self._token, self._channel))

    def _renew_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds / 3, self._renew)

    def _stop_renewing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _renew(self) -> None:
        self._renew_later()
        self._access.send(RENEW, (self._lease,), (self._token, self._milliseconds), self._renewed)

    def _renewed(self, reply: Reply) -> None:
        if reply != 1:
            self.lost = True
            self._stop_renewing()
