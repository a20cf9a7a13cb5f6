"""Start an app, watch it, and end all of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import AppError

from . import family
from .command import find_program, split_command
from .output import LastLines, Output, PassThrough

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import IO, Self

_LOOK_SECONDS: Final = 0.02
_KILL_SECONDS: Final = 5.0
_DRAIN_SECONDS: Final = 1.0
_NEW_GROUP: Final = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0


class AppProcess:
    """Run a command in a process group of its own, as an async context manager.

    Leaving it ends every process that came of the command, those that went into the background
    included: first they are asked to, then they are killed. If this process dies itself, however
    suddenly, a small guard process does the same.

    Args:
        command: The command line; no shell runs it.
        environment: The whole environment of the app.
        folder: Where it runs.
        output: Where what it writes goes.
        grace_seconds: How long it may take to end by itself.

    Raises:
        AppError: The command is empty or needs a shell.
    """

    def __init__(
        self,
        command: str,
        *,
        environment: Mapping[str, str],
        folder: Path | None = None,
        output: Output | None = None,
        grace_seconds: float = 5.0,
    ) -> None:
        self.command = command
        self._words = split_command(command)
        self._mark = secrets.token_hex(16)
        self._environment = {**environment, family.MARK: self._mark}
        self._folder = folder or Path.cwd()
        self._output = output or Output()
        self._grace_seconds = grace_seconds
        self._kept = LastLines()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._family: family.Family | None = None
        self._readers: list[PassThrough] = []
        self._job: object = None

    @property
    def pid(self) -> int:
        """The process id of the command."""
        assert self._process is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How the command ended; ``None`` while it runs, or before it was started."""
        return None if self._process is None else self._process.poll()

    @property
    def last_lines(self) -> tuple[str, ...]:
        """What the app wrote last."""
        return self._kept.lines()

    def members(self) -> list[int]:
        """Give the process ids of all that came of the command and are alive."""
        if self.returncode is None and sys.platform == "win32":
            return [self.pid] if self._process else []
        return self._family.members() if self._family else []

    @property
    def is_alive(self) -> bool:
        """Whether any process of the command is alive."""
        return self.returncode is None or bool(self.members())

    def start(self) -> None:
        """Start the command.

        Raises:
            AppError: There is no such program, or it cannot be run.
        """
        program = find_program(self._words[0], self._environment, self._folder)
        try:
            process = subprocess.Popen(  # noqa: S603 - running the user's command is the point
                [program, *self._words[1:]],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                creationflags=_NEW_GROUP,
                start_new_session=_NEW_GROUP == 0,
            )
        except OSError as error:
            problem = f"{self._words[0]!r} cannot be run: {error.strerror}; check the command"
            raise AppError(problem, reason="not-found") from error
        self._process = process
        self._family = family.Family(self._mark, process.pid)
        if sys.platform == "win32":
            from .windows_job import hold

            self._job = hold(process)
        else:
            self._guard = _start_guard(self._mark, process.pid)
        assert process.stdout is not None
        assert process.stderr is not None
        self._read(process.stdout, self._output.out)
        self._read(process.stderr, self._output.error)

    async def wait(self) -> int:
        """Wait until the command ends, and give how; what it left behind may still run."""
        while (code := self.returncode) is None:  # noqa: ASYNC110 - the system sends no event
            await asyncio.sleep(_LOOK_SECONDS)
        return code

    async def drain(self) -> None:
        """Wait a moment until what an app wrote that has ended is here."""
        for reader in self._readers:
            await asyncio.to_thread(reader.join, _DRAIN_SECONDS)

    async def stop(self) -> None:
        """End every process of the command; twice is fine.

        Cancelled, it kills them without waiting and then is cancelled.
        """
        if self._process is None or self._family is None:
            return
        try:
            await self._ask(self._family)
        finally:
            # Also when cancelled: nothing of the app may stay.
            self._kill(self._family)
            self._finish()
        await self.drain()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _read(self, stream: IO[bytes], write: Callable[[bytes], object] | None) -> None:
        reader = PassThrough(stream, write, self._kept)
        reader.start()
        self._readers.append(reader)

    async def _ask(self, found: family.Family) -> None:
        if not self.is_alive:
            return
        if sys.platform == "win32":
            assert self._process is not None
            with contextlib.suppress(OSError):
                self._process.send_signal(signal.CTRL_BREAK_EVENT)
        else:
            found.signal(signal.SIGTERM)
        until = time.monotonic() + self._grace_seconds
        while self.is_alive and time.monotonic() < until:  # noqa: ASYNC110 - as above
            await asyncio.sleep(_LOOK_SECONDS)

    def _kill(self, found: family.Family) -> None:
        assert self._process is not None
        if sys.platform == "win32":
            from .windows_job import release

            release(self._job)
            self._process.kill()
        else:
            until = time.monotonic() + _KILL_SECONDS
            while self.is_alive and time.monotonic() < until:
                found.signal(signal.SIGKILL)
                time.sleep(_LOOK_SECONDS)  # killed processes are gone in no time
        # One that hangs in the kernel cannot be waited for.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_SECONDS)

    def _finish(self) -> None:
        guard, self._guard = self._guard, None
        if guard is None:
            return
        try:
            guard.communicate(b"\n", timeout=_KILL_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            # It was killed, or is stuck; either way nothing is left for it to do.
            guard.kill()
            guard.wait()


def _start_guard(mark: str, leader: int) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != family.MARK}
    words = [sys.executable, "-I", "-S", family.__file__, mark, str(leader)]
    return subprocess.Popen(  # noqa: S603 - our own file
        words,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
