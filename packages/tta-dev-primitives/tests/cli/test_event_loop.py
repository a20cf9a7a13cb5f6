from __future__ import annotations

import asyncio
import signal
import threading

import pytest

from tta_dev_primitives.cli.event_loop import run_async


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


def test_result_is_returned() -> None:
    assert run_async(answer()) == 42


def test_other_threads_may_run_work_too() -> None:
    """They cannot catch signals, and need not."""
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(run_async(answer())))
    thread.start()
    thread.join()
    assert answers == [42]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows knows no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_request_to_stop_cancels_the_work_and_cleans_up(number: signal.Signals) -> None:
    events: list[str] = []
    before = signal.getsignal(number)

    async def stopped() -> None:
        try:
            signal.raise_signal(number)
            await asyncio.sleep(60)
        finally:
            events.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        run_async(stopped())
    assert events == ["cleaned up"]
    assert signal.getsignal(number) is before
