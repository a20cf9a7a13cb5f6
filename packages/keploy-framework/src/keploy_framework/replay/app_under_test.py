"""The app while it is tested: started, its calls answered, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from keploy_framework.errors import AppError
from keploy_framework.process import AppProcess, Readiness, wait_until_ready
from keploy_framework.process.outgoing import answered_way_out
from keploy_framework.process.ports import answering_host, wait_until_free
from keploy_framework.proxy.child.dependencies import KNOWN_VARIABLES

from .answering import SetAnswers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from keploy_framework.process import StopSignal
    from keploy_framework.proxy.child.dependencies import Dependency
    from keploy_framework.redaction import Redactor

    from .options import ReplayOptions

_FREE_SECONDS: Final = 10.0
_DYING_SECONDS: Final = 0.3


class AppUnderTest:
    """Run the app and answer its calls, as an async context manager.

    With a base URL nothing is started, and the calls of the app that runs there are its own
    affair. Leaving it ends every process of the app and waits until its port is free.

    Args:
        options: How to run it.
        ready: What it looks like when it is ready.
        redactor: Takes secrets out of the calls before they are matched.
        stop: Ends the waiting for the app.
        environment: The environment of the app before it is changed; ``None`` for our own.
        base_urls: The servers that the app was told by URL when it was recorded, by variable. It
            is told them again, so that its calls are those that were recorded.
    """

    def __init__(
        self,
        options: ReplayOptions,
        ready: Readiness,
        redactor: Redactor,
        stop: StopSignal,
        environment: Mapping[str, str] | None = None,
        base_urls: Mapping[str, str] | None = None,
    ) -> None:
        self._options = options
        self._ready = ready
        self._stop = stop
        self._base = dict(os.environ if environment is None else environment)
        self._stack = AsyncExitStack()
        self.answers: SetAnswers | None = None
        if options.mocking and options.command:
            self._base.update(tellable(base_urls or {}, options.outgoing.dependencies))
            self.answers = SetAnswers(redactor, options.mocks)
        self.process: AppProcess | None = None
        self.host = options.host or "127.0.0.1"
        self.port = ready.port
        self.secure = False
        self.authority = ""
        self.prefix = ""

    @property
    def is_alive(self) -> bool:
        """Whether the app still runs, as far as can be seen."""
        return self.process is None or self.process.is_alive

    async def wait_for_end(self) -> None:
        """Wait a moment for the end of an app that gave no answer: it may be dying."""
        if self.process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DYING_SECONDS):
                    await self.process.wait()

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
        if self.process is not None and self.port:
            await wait_until_free(self.port, _FREE_SECONDS)

    async def _open(self) -> None:
        if self._options.base_url:
            self._use_base_url()
            return
        if not self._options.command:
            # Somebody else started it; there is nothing to watch or to end.
            return
        if self._ready.port and await answering_host(self._ready.port) is not None:
            problem = (
                f"port {self._ready.port} is taken by another process; "
                "end it, or give the app's port with --port"
            )
            raise AppError(problem, reason="port-taken")
        environment = {"PYTHONUNBUFFERED": "1", **self._base}
        way_out = None
        if self.answers is not None:
            way_out = await self._stack.enter_async_context(
                answered_way_out(
                    self.answers,
                    self._options.outgoing,
                    environment,
                    on_unrecorded=self.answers.unrecorded,
                    on_fetched=self.answers.fetched if self.answers.may_fetch else None,
                )
            )
            environment = way_out.environment
        self.process = AppProcess(
            self._options.command,
            environment=environment,
            folder=self._options.folder,
            output=self._options.output,
        )
        await self._stack.enter_async_context(self.process)
        address = await wait_until_ready(self.process, self._ready, stop=self._stop)
        if address is not None:
            self.host, self.port = self._options.host or address.host, address.port
            if way_out is not None:
                way_out.is_own(address.port)

    def _use_base_url(self) -> None:
        parts = urlsplit(self._options.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            problem = (
                f"{self._options.base_url!r} is no URL of an app; "
                "write it like http://127.0.0.1:8000"
            )
            raise AppError(problem, reason="no-port")
        self.secure = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if self.secure else 80)
        self.authority = parts.netloc.rpartition("@")[2]
        self.prefix = parts.path.rstrip("/")


def tellable(base_urls: Mapping[str, str], declared: Mapping[str, Dependency]) -> dict[str, str]:
    """Keep the variables that are there to tell an app a server; a recording may set no others."""
    known = KNOWN_VARIABLES.keys() | {dependency.env for dependency in declared.values()}
    return {variable: url for variable, url in base_urls.items() if variable in known}
