"""What the adapters of all SDKs have in common."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, Self

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, WorkflowPrimitive
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.errors import ConfigurationError, LLMTimeoutError

from . import pricing
from .connections import Connection, Connections, end_generators
from .provider_errors import answered_error, provider_errors
from .reply import Reply, unfinished
from .reports import UNTOLD, Report, Untold
from .types import LLMChunk, LLMInput, LLMRequest, LLMResponse, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tta_dev_primitives.core.context import WorkflowContext

    from .hosts import Host
    from .types import Message


class StreamReader(Protocol):
    """Puts one streamed answer together."""

    def feed(self, event: object) -> str:
        """Take the next piece and return its text."""
        ...

    def reply(self) -> Reply | None:
        """Return the whole answer, or None where the stream ended before it."""
        ...


class ModelAdapter(WorkflowPrimitive[LLMInput, LLMResponse], ABC):
    """Ask a model through its provider's SDK; see the subclasses.

    A subclass says how a client is made, how a request is put and how an answer is read.
    """

    upstream = True

    _package: str
    """Name of the SDK, of the extra that installs it, and of the provider."""

    def __init__(
        self,
        model: str,
        *,
        client: Any = None,  # Any: differs by SDK
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float = 60.0,
        max_tokens: int | None = None,
        temperature: float | None = None,
        prices: pricing.Rates | None = None,
        http_client: Any = None,  # Any: a client of httpx2, which only the SDKs need
        name: str = "",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not model:
            msg = f"{type(self).__name__} needs the name of a model, got {model!r}"
            raise ConfigurationError(msg)
        if not 0 < timeout_seconds < math.inf:
            msg = f"timeout_seconds must be positive and finite, got {timeout_seconds!r}"
            raise ConfigurationError(msg)
        if max_tokens is not None and max_tokens < 1:
            msg = f"max_tokens must be at least 1, got {max_tokens!r}"
            raise ConfigurationError(msg)
        if any(base.__name__ == "SyncAPIClient" for base in type(client).__mro__):
            kind = type(client).__name__
            msg = f"client must be async, got {kind}; use Async{kind}"
            raise ConfigurationError(msg)
        given = {"api_key": api_key, "base_url": base_url, "http_client": http_client}
        if client is not None and any(value is not None for value in given.values()):
            extra = ", ".join(key for key, value in given.items() if value is not None)
            msg = f"client brings its own {extra}; leave out one or the other"
            raise ConfigurationError(msg)
        self.model, self.name = model, name
        self.timeout_seconds = timeout_seconds
        self._api_key, self._base_url, self._http_client = api_key, base_url, http_client
        # A client of the user's knows its own server.
        self._server = str(getattr(client, "base_url", base_url))
        self._max_tokens, self._temperature = max_tokens, temperature
        self._prices, self._clock = prices, clock
        self._connections = Connections(
            self._package, client, self._make_client, closes=http_client is None
        )

    @property
    def provider(self) -> str:
        """Whose SDK the adapter speaks through; `base_url` may lead it to another host."""
        return self._package

    @property
    def prices(self) -> pricing.Rates | None:
        """The prices given to this adapter, before those of the price list."""
        return self._prices

    def identity_parts(self) -> Sequence[object]:
        """Return what answers depend on beside the request: model, server and defaults."""
        return (self.model, self._server, self._max_tokens, self._temperature)

    async def execute(self, input_data: LLMInput, context: WorkflowContext = FRESH) -> LLMResponse:
        """Send *input_data* and return the whole answer.

        Raises:
            LLMError: The provider did not answer as it should; the subclass says how.
            MissingExtraError: The SDK is not installed.
            ConfigurationError: The input is no request.
        """
        request = LLMRequest.of(input_data)
        model = request.model or self.model
        self._seconds_left(context, model)
        connection = await self._connections.current()
        self._prepare_prices(model)
        started = self._clock.monotonic()
        seconds = self._seconds_left(context, model)
        with self._report(request, connection, model, context) as report:
            with self._errors_of(connection, model):
                arguments = self._call(request, model, connection.host, seconds)
                report.asked(arguments, stream=False)
                async with asyncio.timeout(seconds):
                    raw = await self._send(connection.client, arguments)
            latency = self._clock.monotonic() - started
            reply = self._read(raw, connection.host)
            if reply is None:
                raise answered_error(raw, self._provider(connection), model, connection.secrets)
            response = await self._finish(reply, raw, connection, model, context, latency)
            report.answered(response, None)
        return response

    async def stream(
        self, input_data: LLMInput, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[LLMChunk, None]:
        """Send *input_data* and yield the answer piece by piece; the last one carries all of it.

        Closing the iterator closes the SDK's stream, and so the connection, before it returns.

        Raises:
            MalformedResponseError: The stream ended before the answer did.
            LLMError: As in `execute`.
        """
        request = LLMRequest.of(input_data)
        model = request.model or self.model
        self._seconds_left(context, model)
        connection = await self._connections.current()
        self._prepare_prices(model)
        started = self._clock.monotonic()
        seconds = self._seconds_left(context, model)
        with self._report(request, connection, model, context) as report:
            with self._errors_of(connection, model):
                arguments = self._call(request, model, connection.host, seconds)
                report.asked(arguments, stream=True)
                async with asyncio.timeout(seconds):
                    source = await self._open(connection.client, arguments)
            reader = self._reader(connection.host)
            first_chunk: float | None = None
            left_early = False
            try:
                while True:
                    seconds = self._seconds_left(context, model)
                    try:
                        with self._errors_of(connection, model):
                            async with asyncio.timeout(seconds):
                                event = await anext(source)
                    except StopAsyncIteration:
                        break
                    text = reader.feed(event)
                    if first_chunk is None:
                        first_chunk = self._clock.monotonic() - started
                    if text:
                        left_early = True
                        yield LLMChunk(text)
                        left_early = False
            finally:
                await source.close()
                if left_early:
                    await end_generators(source)
            latency = self._clock.monotonic() - started
            reply = reader.reply()
            if reply is None:
                raise unfinished(self._provider(connection), model)
            response = await self._finish(reply, None, connection, model, context, latency)
            report.answered(response, first_chunk)
        yield LLMChunk(response=response)

    async def aclose(self) -> None:
        """Close the client that was made in the running event loop; yours is left open."""
        await self._connections.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @abstractmethod
    def _make_client(self, sdk: Any) -> Any:  # Any: differs by SDK
        """Return a new client of the SDK that does not retry.

        Raises:
            AuthenticationError: There is no key to sign in with.
        """

    @abstractmethod
    def _arguments(self, request: LLMRequest, model: str, host: Host) -> dict[str, Any]:
        """Return the keyword arguments of the SDK's call."""

    @abstractmethod
    async def _send(self, client: Any, arguments: dict[str, Any]) -> Any:  # Any: SDK's objects
        """Make the call."""

    @abstractmethod
    async def _open(self, client: Any, arguments: dict[str, Any]) -> Any:  # Any: SDK's objects
        """Make the call for a stream: an async iterator with `close()`."""

    @abstractmethod
    def _read(self, raw: object, host: Host) -> Reply | None:
        """Read the SDK's object, or return None where it is no answer."""

    @abstractmethod
    def _reader(self, host: Host) -> StreamReader:
        """Return what puts a stream together."""

    def _call(
        self, request: LLMRequest, model: str, host: Host, seconds: float
    ) -> dict[str, Any]:  # Any: keyword arguments of the SDK
        arguments = self._arguments(request, model, host)
        extra = request.extra
        if extra:
            body = {**arguments.get("extra_body", {}), **extra.get("extra_body", {})}
            arguments.update(extra)
            if body:
                arguments["extra_body"] = body
        arguments["timeout"] = seconds
        return arguments

    def _instructions(self, request: LLMRequest) -> Sequence[Message] | None:
        """Return the messages that travel apart from the others; None where none can."""
        return None

    def _report(
        self, request: LLMRequest, connection: Connection, model: str, context: WorkflowContext
    ) -> Untold:
        if observe.active is None:
            return UNTOLD
        provider, apart = self._provider(connection), self._instructions(request)
        return Report(request, provider, model, connection, context, apart)

    def _provider(self, connection: Connection) -> str:
        return connection.host.provider or self._package

    def _errors_of(self, connection: Connection, model: str) -> provider_errors:
        return provider_errors(self._provider(connection), model, connection.secrets)

    def _seconds_left(self, context: WorkflowContext, model: str) -> float:
        left = context.remaining(self._clock.monotonic())
        if left is None:
            return self.timeout_seconds
        if left <= 0:
            msg = f"the deadline passed {-left:.3g}s before {model} was asked or had answered"
            raise LLMTimeoutError(msg, provider=self._package, model=model)
        return min(self.timeout_seconds, left)

    def _prepare_prices(self, model: str) -> None:
        if self._prices is None and not pricing.is_loaded() and not pricing.is_set(model):
            pricing.start_loading()

    async def _finish(
        self,
        reply: Reply,
        raw: object,
        connection: Connection,
        model: str,
        context: WorkflowContext,
        latency: float,
    ) -> LLMResponse:
        """Price the answer, and return it as a response."""
        return LLMResponse(
            text=reply.text,
            tool_calls=reply.tool_calls,
            usage=reply.usage or Usage(),
            cost=await self._cost(reply, connection, model, context),
            model=reply.model or model,
            finish_reason=reply.finish_reason,
            latency=latency,
            provider=self._provider(connection),
            response_id=reply.response_id,
            raw=raw,
        )

    async def _cost(
        self, reply: Reply, connection: Connection, model: str, context: WorkflowContext
    ) -> float | None:
        usage, served_by = reply.usage, connection.host.provider
        if usage is None:
            return None
        if self._prices is not None:
            return pricing.cost_of(usage, self._prices)
        for name in (model, reply.model):
            if pricing.is_set(name):
                return pricing.cost_for(name, usage)
        if not pricing.is_loaded():
            try:
                async with asyncio.timeout(context.remaining(self._clock.monotonic())):
                    await pricing.ensure_loaded()
            except TimeoutError:
                return None  # an answer in time is worth more than its price
        cost = pricing.cost_for(reply.model or model, usage, served_by)
        if cost is None and served_by is not None:
            # The provider may call the model by a name of its own; a stranger's server that names
            # another model than was asked for has another price, too.
            cost = pricing.cost_for(model, usage, served_by)
        return cost
