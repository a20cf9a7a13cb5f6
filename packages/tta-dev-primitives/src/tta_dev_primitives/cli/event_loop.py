"""Where a command's asynchronous work runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:  # Any: what a coroutine yields to its loop
    """Run *work* to its end, in uvloop where that is installed.

    Ctrl-C cancels it, and so do the platform's polite requests to stop.
    """
    with stop_signals_as_interrupt(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not asked for, or not made for this platform
        return None
    return uvloop.new_event_loop


@contextlib.contextmanager
def stop_signals_as_interrupt() -> Generator[None]:
    """Treat SIGTERM, and Ctrl-Break on Windows, as Ctrl-C while the block runs."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return

    def interrupt(_number: int, _frame: object) -> None:
        signal.raise_signal(signal.SIGINT)

    names = ("SIGTERM", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
