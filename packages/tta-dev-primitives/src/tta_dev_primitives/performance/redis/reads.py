"""Reads of many callers in one question to the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from .wire import ReplyError, pack, settle

if TYPE_CHECKING:
    from .wire import Commands, Reply

_MOST_KEYS: Final = 512


class Reads:
    """Gather the reads of one turn of the event loop and ask for all of them at once.

    While an answer is awaited, further reads gather for the next question. A key that several
    callers want is asked for once. A caller who is cancelled harms no other.

    Args:
        commands: The connection to ask on.
    """

    def __init__(self, commands: Commands) -> None:
        self.commands = commands
        self._loop = asyncio.get_running_loop()
        self._gathered: dict[bytes, list[asyncio.Future[Reply]]] = {}
        self._asked: dict[bytes, list[asyncio.Future[Reply]]] = {}
        self._called = False

    def get(self, name: bytes) -> asyncio.Future[Reply]:
        """Return what will be the value of *name*: bytes, None, or an exception as a value."""
        waiter: asyncio.Future[Reply] = self._loop.create_future()
        gathered = self._gathered
        if name in gathered:
            gathered[name].append(waiter)
        else:
            gathered[name] = [waiter]
            if not self._called and not self._asked:
                self._called = True
                self._loop.call_soon(self._ask)
        return waiter

    def _ask(self) -> None:
        self._called = False
        asked, self._gathered = self._gathered, {}
        if len(asked) > _MOST_KEYS:
            # The server does nothing else while it answers, and neither does this loop.
            names = list(asked)
            self._gathered = {name: asked[name] for name in names[_MOST_KEYS:]}
            asked = {name: asked[name] for name in names[:_MOST_KEYS]}
        self._asked = asked
        if len(asked) == 1:
            (name,) = asked
            command = b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (len(name), name)
        else:
            command = pack([b"MGET", *asked])
        self.commands.send(command, self._answered)

    def _answered(self, reply: Reply) -> None:
        asked, self._asked = self._asked, {}
        if self._gathered:
            self._ask()
        values: list[Reply]
        if isinstance(reply, list):
            values = cast("list[Reply]", reply)
        else:
            values = [reply] * len(asked)
            if isinstance(reply, ReplyError) and str(reply).startswith("WRONGTYPE"):
                values = [None]  # as MGET says it
        if len(values) != len(asked):
            values = [ReplyError("ERR another number of values than was asked for")] * len(asked)
        for waiters, value in zip(asked.values(), values, strict=True):
            for waiter in waiters:
                settle(waiter, value)
