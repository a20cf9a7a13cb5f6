"""Ctrl-C and its relatives, as something to wait for."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Self


class StopSignal:
    """Take Ctrl-C, SIGTERM and SIGHUP as a wish to stop, as a context manager.

    While it is open none of them ends the program; leaving it puts the old handlers back. Open
    it in the main thread, in a running event loop.
    """

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._before: dict[signal.Signals, object] = {}
        self.received: signal.Signals | None = None

    @property
    def is_set(self) -> bool:
        """Whether anybody asked to stop."""
        return self._asked.is_set()

    def set(self) -> None:
        """Ask to stop."""
        self._asked.set()

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait until somebody asks to stop; tell whether that came before *seconds* were over."""
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            return False
        return True

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def take(number: int, _: FrameType | None) -> None:
            self.received = signal.Signals(number)
            loop.call_soon_threadsafe(self._asked.set)

        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is None or (name == "SIGHUP" and _is_ignored(number)):
                continue  # under nohup a closed terminal must not end it
            self._before[number] = signal.signal(number, take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]
        self._before.clear()


def _is_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN
