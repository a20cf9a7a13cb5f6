"""Our record relay in a process of its own: it counts exchanges, or writes them as tests.

    python keploy_relay.py PORT APP_PORT [--write FOLDER --result FILE]

The result tells how many tests were on disk when it was told to end, and how many exchanges
came too fast to be kept.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from keploy_framework.formats import KeployTree
from keploy_framework.proxy import IngressRelay, Recording
from keploy_framework.record.recorder import Recorder
from keploy_framework.record.set_writer import SetWriter, WriteRules

if TYPE_CHECKING:
    from collections.abc import Callable

    from keploy_framework.exchange import Exchange


class Count:
    """Take exchanges and keep nothing: what is left is the cost of the relay and its parser."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, exchange: Exchange) -> None:
        self.taken += 1


async def relay(port: int, app_port: int, folder: Path | None) -> dict[str, int]:
    """Relay until the process is told to end, and tell what was kept by then."""
    recorder = None
    ended = asyncio.Event()
    with contextlib.suppress(NotImplementedError):  # Windows ends it without asking
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with contextlib.AsyncExitStack() as stack:
        take: Callable[[Exchange], None] = Count().take
        if folder is not None:
            writer = SetWriter(KeployTree(folder).test_set("test-set-0"), WriteRules())
            recorder = Recorder(writer)
            # What still waits at the end is not measured, so it is not written either.
            recorder.start()
            take = recorder.test
        await stack.enter_async_context(IngressRelay(app_port, Recording(take), port=port))
        await ended.wait()
        if recorder is None:
            return {}
        summary = recorder.summary()
        return {"written": summary.tests, "lost": sum(summary.lost.values())}


def main() -> None:
    """Read the arguments and relay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("app_port", type=int)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--result", type=Path)
    chosen = parser.parse_args()
    kept = asyncio.run(relay(chosen.port, chosen.app_port, chosen.write))
    if chosen.result is not None:
        chosen.result.write_text(json.dumps(kept))


if __name__ == "__main__":
    main()
