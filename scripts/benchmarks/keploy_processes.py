"""Start servers of the benchmark in processes of their own, and end them by their handle."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

HERE = Path(__file__).parent
START_SECONDS = 30.0
END_SECONDS = 10.0
PROGRAM_SECONDS = 240.0


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def server(words: Sequence[str | Path], port: int) -> Generator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; it begins when the server takes connections on *port*."""
    with subprocess.Popen(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=quiet_environment(),
    ) as process:
        try:
            _wait_for(process, port)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def program(name: str, *arguments: str | Path, python: Path | None = None) -> list[str]:
    """Return the words that start a program of this folder."""
    return [str(python or sys.executable), str(HERE / name), *map(str, arguments)]


def result_of(words: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Any:
    """Run a program to its end and return the JSON it prints.

    Raises:
        RuntimeError: It failed; the last line of what it said is told.
    """  # Any: JSON values
    ended = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=PROGRAM_SECONDS,
        env={**quiet_environment(), **(environment or {})},
        check=False,
    )
    if ended.returncode:
        said = (ended.stderr.strip() or ended.stdout.strip() or "nothing said").splitlines()[-1]
        msg = f"{words[1]} ended with {ended.returncode}: {said}"
        raise RuntimeError(msg)
    return json.loads(ended.stdout)


def quiet_environment() -> dict[str, str]:
    """Return our environment without the proxies it may name: everything is on loopback."""
    return {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }


def cpu_seconds(process: int) -> float | None:
    """Return the processor time a process has used, or None where the system does not tell."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    patience = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > patience:
                msg = f"{process.args!r} did not take connections on port {port}"
                raise RuntimeError(msg) from error
            time.sleep(0.02)
        else:
            return
