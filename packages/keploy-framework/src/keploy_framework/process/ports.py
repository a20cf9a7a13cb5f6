"""Which TCP ports are free, answered, and listened on by whom."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOPBACKS: Final = ("127.0.0.1", "::1")
_LISTENS: Final = "0A"
_CONNECT_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.02


def free_port() -> int:
    """Give a TCP port of loopback that is free now; somebody may take it later."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def answering_host(port: int) -> str | None:
    """Give the address of loopback at which a port accepts connections; ``None`` for neither."""
    for host in _LOOPBACKS:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError):
            continue
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return host
    return None


async def wait_until_free(port: int, seconds: float) -> bool:
    """Wait until nothing accepts connections on a port; tell whether that came in time."""
    until = time.monotonic() + seconds
    while await answering_host(port) is not None:
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(_LOOK_SECONDS)
    return True


def listening_ports(pids: Iterable[int]) -> list[int] | None:
    """Give the TCP ports that processes listen on, sorted; ``None`` where that cannot be seen.

    It can be seen on Linux, for processes of the same user.
    """
    if not Path("/proc/net/tcp").is_file():
        return None
    sockets: set[str] = set()
    tables: set[Path] = set()
    for pid in pids:
        folder = Path("/proc") / str(pid)
        with contextlib.suppress(OSError):
            for descriptor in os.scandir(folder / "fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(descriptor.path)  # noqa: PTH115 - a name, not a path
                    if target.startswith("socket:["):
                        sockets.add(target[len("socket:[") : -1])
                        tables.add(folder / "net")
    ports: set[int] = set()
    # All processes of a container share one table, so the first readable one is enough.
    for table in sorted(tables)[:1]:
        for name in ("tcp", "tcp6"):
            ports |= _ports_of(table / name, sockets)
    return sorted(ports)


def _ports_of(table: Path, sockets: set[str]) -> set[int]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return set()
    ports: set[int] = set()
    for line in lines:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTENS and fields[9] in sockets:
            ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
