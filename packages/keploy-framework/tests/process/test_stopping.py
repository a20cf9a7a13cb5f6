"""Ctrl-C and its relatives end a recording in order."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from keploy_framework.process import StopSignal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_signals_become_a_wish_to_stop(number: signal.Signals) -> None:
    """SIGTERM ended the recorder before it had written."""
    before = signal.getsignal(number)
    with StopSignal() as stop:
        os.kill(os.getpid(), number)
        assert await stop.wait(5)
        assert stop.received is number
    assert signal.getsignal(number) is before


async def test_a_second_signal_does_no_harm() -> None:
    """Ctrl-C twice ended with a traceback."""
    with StopSignal() as stop:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        assert await stop.wait(5)


async def test_under_nohup_a_closed_terminal_is_nothing() -> None:
    """nohup keploy record ended when its terminal was closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignal() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not await stop.wait(0.01)
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_a_time_that_is_over_is_no_wish() -> None:
    """The timer counted as Ctrl-C."""
    stop = StopSignal()
    assert not await stop.wait(0.001)
    assert not stop.is_set
