"""Processes that watch in one way each, asked in turns so that a slow moment falls on all."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import urllib.request
from typing import TYPE_CHECKING, Any

from keploy_processes import free_port, program, quiet_environment, server

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

ANSWER_SECONDS = 120.0


class Worker:
    """One process that watches; a context manager.

    Args:
        mode: How, among the names of `observability_modes`.
        endpoint: Where spans go; empty for an exporter that encodes them and nothing more.
    """

    def __init__(self, mode: str, endpoint: str = "") -> None:
        self.mode = mode
        # Settings of the user's own would make other modes of these.
        environment = {
            name: value
            for name, value in quiet_environment().items()
            if not name.startswith("OTEL_")
        }
        self._process = subprocess.Popen(
            program("observability_worker.py", mode, endpoint),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def ask(self, do: str, **order: object) -> Any:  # Any: JSON values
        """Return the answer to an order.

        Raises:
            RuntimeError: The process ended, or did not answer in two minutes.
        """
        question, answer = self._process.stdin, self._process.stdout
        assert question is not None
        assert answer is not None
        patience = threading.Timer(ANSWER_SECONDS, self._process.kill)
        patience.start()
        try:
            question.write(json.dumps({"do": do, **order}) + "\n")
            question.flush()
            line = answer.readline()
        except BrokenPipeError:
            line = ""
        finally:
            patience.cancel()
        if not line:
            msg = f"the process that watches by {self.mode!r} ended when asked for {do!r}"
            raise RuntimeError(msg)
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@contextlib.contextmanager
def workers(modes: Iterable[str], endpoint: str = "") -> Generator[dict[str, Worker]]:
    """Start a process for each mode, and end them with the block."""
    started: dict[str, Worker] = {}
    try:
        for mode in modes:
            started[mode] = Worker(mode, endpoint)
        yield started
    finally:
        for worker in started.values():
            worker.close()


class Receiver:
    """A collector in a process of its own.

    Attributes:
        url: Its base address.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def spans(self) -> int:
        """Return how many spans it got so far."""
        # Always on loopback, where proxies are not asked.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url, timeout=10) as answer:
            return json.load(answer)["spans"]


@contextlib.contextmanager
def receiver() -> Generator[Receiver]:
    """Run a collector until the block ends."""
    port = free_port()
    with server(program("observability_receiver.py", str(port)), port):
        yield Receiver(port)
