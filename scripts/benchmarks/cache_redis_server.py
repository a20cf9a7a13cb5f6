"""A Redis server for the length of a run."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

START_SECONDS = 10.0


@contextlib.contextmanager
def redis_server() -> Generator[str | None]:
    """Yield the URL of a server: the one in $TTA_TEST_REDIS_URL, our own, or None for none."""
    given = os.environ.get("TTA_TEST_REDIS_URL")
    program = shutil.which("redis-server")
    if given or program is None:
        yield given or None
        return
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        # Nothing is saved: what is measured is the way there and back.
        process = subprocess.Popen(
            [
                program,
                *("--bind", "127.0.0.1", "--port", str(port), "--dir", folder),
                *("--save", "", "--appendonly", "no"),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            _wait_for(process, port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    patience = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > patience:
                msg = f"redis-server did not start on port {port}"
                raise RuntimeError(msg) from error
            time.sleep(0.02)
        else:
            return
