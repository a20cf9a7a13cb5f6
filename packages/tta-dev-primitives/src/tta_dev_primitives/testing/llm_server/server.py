"""The server itself: configured, entered, scripted, asked what it saw, left."""

from __future__ import annotations

import asyncio
import importlib
import time
from functools import partial
from typing import TYPE_CHECKING, Self

from tta_dev_primitives.errors import MissingExtraError
from tta_dev_primitives.testing.llm_server.answers import CountTokens, count_tokens
from tta_dev_primitives.testing.llm_server.catalogue import Catalogue
from tta_dev_primitives.testing.llm_server.connection import Connection, OpenConnections
from tta_dev_primitives.testing.llm_server.conversation import Answerer, Conversation
from tta_dev_primitives.testing.llm_server.faults import Fault, FaultRates
from tta_dev_primitives.testing.llm_server.journal import Journal
from tta_dev_primitives.testing.llm_server.outcomes import BodyHistory, Script
from tta_dev_primitives.testing.llm_server.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from tta_dev_primitives.testing.llm_server.delivery import Sleep
    from tta_dev_primitives.testing.llm_server.values import Reply, ServedModel, ServedRequest


class LLMServer:
    """Speak OpenAI's and Anthropic's HTTP APIs on loopback, to test apps offline.

    Point the real SDKs at it by base URL; any API key will do. Every number and text it draws
    follows from the seed, the model, the body of the request and how often that body came
    before, so neither concurrency nor order changes a run. One choice is given per request, and
    nothing is stored between requests. Leaving the `async with` block
    cancels what is being served and waits for it: no task and no socket is left.

    Args:
        models: What is served, by name or as `ServedModel`. With none given every name is.
        seed: Another seed gives other texts, latencies, faults and ids.
        answer: Decides what is said: a text, a `Reply`, or a `Fault` to fail with. Sync or
            async. If it raises, the client gets a 500 that is not worth retrying, and the
            traceback is logged.
        faults: How often requests fail. None is never.
        max_faults_per_request: Drawn faults the same body meets in a row, at most.
        api_key: The only key let in. None lets any in; no key at all is always a 401.
        count_tokens: Counts the tokens of a text. See `count_tokens` for the default.
        host: Address to listen on. Only this machine can reach the default.
        port: Port to listen on. 0 takes a free one.
        max_body_bytes: A longer request gets 413.
        keep_requests: How many requests `requests` remembers.
        sleep: Waits for seconds; every latency and pause goes through it.
        clock: Unix seconds, for timestamps and rate limits.

    Raises:
        MissingExtraError: On entering, when the `[testing]` extra is not installed.
    """

    def __init__(
        self,
        models: Iterable[ServedModel | str] = (),
        *,
        seed: int = 0,
        answer: Answerer | None = None,
        faults: FaultRates | None = None,
        max_faults_per_request: int = 2,
        api_key: str | None = None,
        count_tokens: CountTokens = count_tokens,
        host: str = "127.0.0.1",
        port: int = 0,
        max_body_bytes: int = 32 * 1024 * 1024,
        keep_requests: int = 10_000,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        for name, value, least in (
            ("max_faults_per_request", max_faults_per_request, 0),
            ("max_body_bytes", max_body_bytes, 1),
            ("keep_requests", keep_requests, 1),
        ):
            if value < least:
                msg = f"{name} must be {least} or more, got {value!r}"
                raise ValueError(msg)
        self._host, self._wanted_port = host, port
        self._max_body_bytes = max_body_bytes
        self._script, self._journal = Script(), Journal(keep_requests)
        self._service = Service(
            Conversation(
                catalogue=Catalogue(models, clock),
                script=self._script,
                history=BodyHistory(max_faults_per_request),
                rates=faults or FaultRates(),
                answer=answer,
                count_tokens=count_tokens,
                sleep=sleep,
            ),
            self._journal,
            seed=seed,
            api_key=api_key,
            clock=clock,
        )
        self._connections = OpenConnections()
        self._listener: asyncio.Server | None = None
        self._port: int | None = None

    async def __aenter__(self) -> Self:
        try:
            importlib.import_module("h11")
        except ModuleNotFoundError as error:
            feature = "h11, which LLMServer needs,"
            raise MissingExtraError(feature, "testing") from error
        if self._listener is not None:
            msg = f"server is already running on port {self._port}, make another one"
            raise RuntimeError(msg)
        self._connections = OpenConnections()
        self._listener = await asyncio.get_running_loop().create_server(
            partial(Connection, self._service.handle, self._max_body_bytes, self._connections),
            self._host,
            self._wanted_port,
        )
        self._port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._listener is None:
            return
        listener, self._listener, self._port = self._listener, None, None
        listener.close()
        await self._connections.shut_down()
        await listener.wait_closed()

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: While the server is not running.
        """
        if self._port is None:
            msg = "server is not running, enter it first: async with LLMServer() as server"
            raise RuntimeError(msg)
        return self._port

    @property
    def openai_base_url(self) -> str:
        """What `OpenAI(base_url=...)` wants; it ends in `/v1`."""
        return f"{self.anthropic_base_url}/v1"

    @property
    def anthropic_base_url(self) -> str:
        """What `Anthropic(base_url=...)` wants; it has no path."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def script(self, outcomes: Iterable[Reply | Fault | str], *, model: str | None = None) -> None:
        """Queue outcomes for the next requests, in order of arrival.

        A retry takes the next outcome like any request. Embeddings take faults and leave
        replies to chat requests. What is scripted counts for no fault limit.

        Args:
            outcomes: A text stands for a `Reply`.
            model: Queue for requests to this model only; they look here first.
        """
        self._script.add(outcomes, model)

    @property
    def outcomes_left(self) -> int:
        """How many scripted outcomes nobody came for yet."""
        return self._script.left()

    @property
    def requests(self) -> list[ServedRequest]:
        """The requests received so far, in order of arrival, failed ones included."""
        return self._journal.records()
