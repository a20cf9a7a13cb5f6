"""What a store has open in one event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.performance.single_flight import SingleFlight

from .reads import Reads
from .wakeups import Wakeups
from .wire import Commands, ServerGoneError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator

    from .address import RedisAddress


class LoopConnections:
    """The connections of one event loop: for reads, for everything else, and for news.

    Reads have their own, so that they do not stand behind somebody's large write. They are closed
    when the loop ends, as `asyncio.run` does it, without anybody having to ask.

    Args:
        address: The server.
        timeout_seconds: How long it may be silent when it should say something.
    """

    def __init__(self, address: RedisAddress, timeout_seconds: float) -> None:
        self._address, self._timeout = address, timeout_seconds
        self._opening: SingleFlight[None] = SingleFlight()
        self._watch: AsyncGenerator[None] | None = None
        self.reads: Reads | None = None
        self.commands: Commands | None = None
        self.wakeups = Wakeups(self._open_stream, timeout_seconds)

    async def open_reads(self) -> Reads:
        """Return the connection for reads, opened if need be, once for all who ask.

        Raises:
            ServerGoneError: It cannot be opened.
        """
        if self.reads is None or self.reads.commands.gone:
            await self._opening.run("reads", self._open_reads)
        if self.reads is None:
            msg = "the connection was lost"
            raise ServerGoneError(msg)
        return self.reads

    async def open_commands(self) -> Commands:
        """Return the connection for commands, opened if need be, once for all who ask.

        Raises:
            ServerGoneError: It cannot be opened.
        """
        if self.commands is None or self.commands.gone:
            await self._opening.run("commands", self._open_commands)
        if self.commands is None:
            msg = "the connection was lost"
            raise ServerGoneError(msg)
        return self.commands

    async def aclose(self) -> None:
        """Close everything; whoever waits for an answer gets a ServerGoneError."""
        watch, self._watch = self._watch, None
        if watch is not None:
            await watch.aclose()

    async def _open_reads(self) -> None:
        self.reads = Reads(Commands(await self._open_stream(), self._timeout))

    async def _open_commands(self) -> None:
        self.commands = Commands(await self._open_stream(), self._timeout)

    async def _open_stream(self) -> asyncio.StreamWriter:
        try:
            writer = await self._address.open(self._timeout)
        except Exception as error:  # whatever redis-py raises, the user's call goes on
            raise ServerGoneError(str(error) or type(error).__name__) from error
        if self._watch is None:
            self._watch = self._until_loop_ends()
            await anext(self._watch)
        return writer

    async def _until_loop_ends(self) -> AsyncGenerator[None]:
        """Close everything at the end.

        A loop that is shut down closes the generators that were begun in it, which is the one
        moment at which somebody else's loop can be asked to close our sockets.
        """
        try:
            yield
        finally:
            reads, self.reads = self.reads, None
            commands, self.commands = self.commands, None
            await self.wakeups.aclose()
            if reads is not None:
                await reads.commands.aclose()
            if commands is not None:
                await commands.aclose()
