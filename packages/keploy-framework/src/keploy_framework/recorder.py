"""Record the calls that a piece of Python code makes to an API that runs already."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keploy_framework.errors import TargetError
from keploy_framework.formats import KeployTree
from keploy_framework.proxy.ingress import IngressRelay
from keploy_framework.proxy.recording import Recording
from keploy_framework.record.recorder import Recorder, RecordSummary
from keploy_framework.record.set_writer import SetWriter, WriteRules
from keploy_framework.redaction import RedactionRules, Redactor

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Self


class RecordingSession:
    """Record calls to an API as a test set, as a context manager, sync or async.

    A relay stands before the API while the session is open; what is called at `url` reaches the
    API and becomes a test. The set is on disk when the session is closed. Secrets are redacted,
    those of the environment too.

    Args:
        api_url: Where the API answers; plain http.
        keploy_dir: The folder of recordings.
        test_set: The name of the set to write; empty for the next free one.
        rules: How calls become files.
        redaction: What is redacted.

    Raises:
        TargetError: *api_url* is no URL of http.
    """

    def __init__(
        self,
        api_url: str,
        *,
        keploy_dir: str | os.PathLike[str] = "keploy",
        test_set: str = "",
        rules: WriteRules | None = None,
        redaction: RedactionRules | None = None,
    ) -> None:
        parts = urlsplit(api_url)
        if parts.scheme != "http" or not parts.hostname:
            problem = "the URL of the API is none of plain http; give one like http://127.0.0.1:80"
            raise TargetError(problem)
        self.api_url = api_url
        self._parts = parts
        self._tree = KeployTree(Path(keploy_dir))
        self._test_set = test_set
        self._rules = rules or WriteRules()
        self._redactor = Redactor.from_environment(os.environ, redaction or RedactionRules())
        self._relay: IngressRelay | None = None
        self._recorder: Recorder | None = None
        self._stack = AsyncExitStack()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """What to call instead of the API, while the session is open."""
        assert self._relay is not None, "the session is not open; use it in a with block"
        return f"http://{self._relay.host}:{self._relay.port}{self._parts.path.rstrip('/')}"

    @property
    def test_set(self) -> str:
        """The name of the set."""
        return self._test_set

    @property
    def summary(self) -> RecordSummary:
        """What was recorded; it is whole when the session is closed."""
        assert self._recorder is not None, "the session was never open; use it in a with block"
        return self._recorder.summary()

    async def __aenter__(self) -> Self:
        """Open the session.

        Raises:
            KeployTreeBusyError: Another recorder is at work in the folder.
            KeployPathError: The name of the set leads out of the folder.
        """
        async with AsyncExitStack() as stack:
            stack.enter_context(self._tree.recording())
            self._test_set = self._test_set or self._tree.next_set_name()
            writer = SetWriter(self._tree.test_set(self._test_set), self._rules, self._redactor)
            self._recorder = await stack.enter_async_context(Recorder(writer))
            port = self._parts.port or 80
            relay = IngressRelay(
                port,
                Recording(self._recorder.test, self._recorder.unrecorded),
                app_host=self._parts.hostname or "127.0.0.1",
            )
            self._relay = await stack.enter_async_context(relay)
            writer.rules = _named_as(self._rules, relay, self._parts.netloc)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the session and write the rest.

        Raises:
            OSError: What was recorded could not be written.
        """
        await self._stack.aclose()
        recorder = self._recorder
        if recorder is not None and recorder.failure is not None and error is None:
            raise recorder.failure
        if recorder is not None and recorder.summary().tests:
            self._tree.write_gitignore()

    def __enter__(self) -> Self:
        """Open the session in a thread of its own; errors as for the async one."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="recording", daemon=True)
        thread.start()
        self._loop, self._thread = loop, thread
        try:
            self._wait(asyncio.run_coroutine_threadsafe(self.__aenter__(), loop))
        except BaseException:
            self._end_thread()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the session and its thread; errors as for the async one."""
        assert self._loop is not None
        try:
            closing = self.__aexit__(kind, error, trace)
            self._wait(asyncio.run_coroutine_threadsafe(closing, self._loop))
        finally:
            self._end_thread()

    def _wait(self, future: Future[object]) -> None:
        future.result()

    def _end_thread(self) -> None:
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        self._loop = self._thread = None


def _named_as(rules: WriteRules, relay: IngressRelay, host: str) -> WriteRules:
    """Let the tests name the API where they were recorded at the relay."""
    from dataclasses import replace

    names = (f"{relay.host}:{relay.port}", f"localhost:{relay.port}")
    return replace(rules, host_as={**dict.fromkeys(names, host), **rules.host_as})
