"""Models behind the OpenAI SDK: OpenAI's own, and those of every server that speaks its API."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.errors import AuthenticationError

from .adapter import ModelAdapter, StreamReader
from .chat_wire import ChatStream, chat_arguments, read_chat
from .hosts import host_of

if TYPE_CHECKING:
    from .hosts import Host
    from .pricing import Rates
    from .reply import Reply
    from .types import LLMRequest

_NEWEST_API = ("openai", "azure.ai.openai")


class OpenAIPrimitive(ModelAdapter):
    """Ask a model through chat completions of the `openai` SDK.

    Works with every server that speaks this API: give its *base_url*. The SDK never retries;
    wrap the adapter in a `RetryPrimitive`, which knows its errors. All costs are those of
    genai-prices unless *prices* or `set_price` say otherwise; an unknown price gives a cost of
    None. `finish_reason` is `content_filter` where an answer was cut for its content or the model
    refused; a request refused for its content raises.

    The client is made at the first request, one per event loop, and closed with the loop, by
    `aclose()`, or at the end of `async with`.

    Args:
        model: Name of the model, unless a request names another.
        client: An `AsyncOpenAI` of yours, or one like it; it is never closed.
        api_key: The key; from `OPENAI_API_KEY` when left out. A server on this machine or
            network needs none.
        base_url: Where the API is; from `OPENAI_BASE_URL` when left out.
        timeout_seconds: Longest wait for an answer, or for each piece of a stream. The deadline
            of the context holds as well.
        max_tokens: Most tokens of an answer, unless a request says.
        temperature: 0 is the most predictable, unless a request says.
        prices: US dollars per token, for this adapter.
        http_client: An `httpx2.AsyncClient` of yours; it is never closed.
        stream_usage: Ask for token counts in streams; turn it off for servers that refuse that.
        name: Name in paths, traces and diagrams.
        clock: Where the time comes from.

    Raises:
        ConfigurationError: *model* is empty, a limit is not positive, or *client* is not async.
    """

    _package = "openai"

    def __init__(
        self,
        model: str,
        *,
        client: Any = None,  # Any: the SDK is optional
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float = 60.0,
        max_tokens: int | None = None,
        temperature: float | None = None,
        prices: Rates | None = None,
        http_client: Any = None,  # Any: httpx2 comes with the SDK
        stream_usage: bool = True,
        name: str = "",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(
            model,
            client=client,
            api_key=api_key,
            base_url=base_url,
            timeout_seconds=timeout_seconds,
            max_tokens=max_tokens,
            temperature=temperature,
            prices=prices,
            http_client=http_client,
            name=name,
            clock=clock,
        )
        self._stream_usage = stream_usage

    def _make_client(self, sdk: Any) -> Any:
        key = self._api_key or os.environ.get("OPENAI_API_KEY")
        base_url = self._base_url or os.environ.get("OPENAI_BASE_URL")
        if not key:
            if base_url is None or not host_of(base_url).local:
                msg = "openai needs an API key; set OPENAI_API_KEY or pass api_key="
                raise AuthenticationError(msg, provider="openai", model=self.model)
            key = "none"  # the SDK insists on one, the server at home does not look
        return sdk.AsyncOpenAI(
            api_key=key, base_url=base_url, max_retries=0, http_client=self._http_client
        )

    def _arguments(self, request: LLMRequest, model: str, host: Host) -> dict[str, Any]:
        return chat_arguments(
            request,
            model,
            max_tokens=self._max_tokens if request.max_tokens is None else request.max_tokens,
            temperature=self._temperature if request.temperature is None else request.temperature,
            # OpenAI's reasoning models refuse the old name, most other servers the new one.
            max_tokens_name="max_completion_tokens"
            if host.provider in _NEWEST_API
            else "max_tokens",
        )

    async def _send(self, client: Any, arguments: dict[str, Any]) -> Any:
        return await client.chat.completions.create(**arguments)

    async def _open(self, client: Any, arguments: dict[str, Any]) -> Any:
        if self._stream_usage:
            arguments.setdefault("stream_options", {"include_usage": True})
        return await client.chat.completions.create(**arguments, stream=True)

    def _read(self, raw: object, host: Host) -> Reply | None:
        return read_chat(raw, thoughts_apart=host.provider == "gcp.gemini")

    def _reader(self, host: Host) -> StreamReader:
        return ChatStream(thoughts_apart=host.provider == "gcp.gemini")
