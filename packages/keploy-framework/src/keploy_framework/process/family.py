"""Every process that came of a command, found by a mark in its environment, and ended.

The file is run by itself too, as the guard of a command: see `main`. It imports the standard
library only, so that it starts fast and needs no path.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

MARK: Final = "KEPLOY_RUN"
"""The environment variable that marks the processes of a command."""

_PROC: Final = Path("/proc")
_GONE: Final = frozenset((b"Z", b"X"))
_NO_MEMORY: Final = b"0"  # of its own, as threads of the kernel, which never have an environment
_PATIENCE_SECONDS: Final = 5.0


class Family:
    """The processes of a command: those that carry its mark, and its process group.

    On Linux a process stays found after it made a session of its own and its parent ended. On
    other systems the process group is all that is known.

    Args:
        mark: The value of the variable `MARK` in their environment.
        leader: The process id of the first of them, which leads a process group.
    """

    def __init__(self, mark: str, leader: int) -> None:
        self.leader = leader
        self._mark = f"{MARK}={mark}".encode()
        self._known: dict[tuple[int, bytes], bool] = {}

    def members(self) -> list[int]:
        """Give the process ids of those that are alive; looking costs little when repeated."""
        if not _PROC.is_dir():
            return [self.leader] if _group_exists(self.leader) else []
        known: dict[tuple[int, bytes], bool] = {}
        found: list[int] = []
        for name in os.listdir(_PROC):  # noqa: PTH208 - names alone are several times faster
            if not name.isdecimal():
                continue
            fields = _status(name)
            if fields is None or fields[0] in _GONE:
                continue
            pid, group, began = int(name), int(fields[2]), fields[19]
            key = pid, began
            if group == self.leader:
                known[key] = True
            elif key in self._known:
                known[key] = self._known[key]
            else:
                environment = _environment(name)
                if not environment and fields[20] != _NO_MEMORY:
                    continue  # it is about to become another program, and is looked at again
                known[key] = self._mark in environment.split(b"\0")
            if known[key]:
                found.append(pid)
        self._known = known
        return found

    def signal(self, number: int) -> None:
        """Send a signal to all of them, once; one that is gone meanwhile is no failure."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.leader, number)
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                # Many apps take a second one as the wish to end without tidying up.
                if os.getpgid(pid) != self.leader:
                    os.kill(pid, number)


def _environment(name: str) -> bytes:
    try:
        return (_PROC / name / "environ").read_bytes()
    except PermissionError:
        return b"\0"  # another user's
    except OSError:
        return b""  # gone


def _status(name: str) -> list[bytes] | None:
    try:
        text = (_PROC / name / "stat").read_bytes()
    except OSError:
        return None
    # The name of the program stands in brackets and may hold brackets and spaces.
    return text.rpartition(b") ")[2].split()


def _group_exists(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def main(mark: str, leader: int) -> None:
    """Wait for the end of standard input; without a byte before it, end the family.

    Whoever started the command holds the other end. Its death, however sudden, is the end of
    the input, and then nobody else could end what it started.
    """
    if sys.stdin.buffer.read(1):
        return
    family = Family(mark, leader)
    family.signal(signal.SIGTERM)
    until = time.monotonic() + _PATIENCE_SECONDS
    while family.members() and time.monotonic() < until:
        time.sleep(0.05)
    while family.members() and time.monotonic() < until + _PATIENCE_SECONDS:
        family.signal(signal.SIGKILL)
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
