"""Models behind the Anthropic SDK."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.errors import AuthenticationError

from .adapter import ModelAdapter, StreamReader
from .hosts import host_of
from .messages_answers import MessageStream, read_message
from .messages_wire import is_system, messages_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .hosts import Host
    from .pricing import Rates
    from .reply import Reply
    from .types import LLMRequest, Message


class AnthropicPrimitive(ModelAdapter):
    """Ask a model through messages of the `anthropic` SDK.

    Requests are in the provider-neutral form: system messages, tool calls and tool results are
    translated, other contents handed on as they are. A JSON schema becomes structured output, in
    which the SDK turns what Anthropic cannot check into words for the model. A `seed` is not sent:
    Anthropic has none. Retries, costs, refusals and closing are as with `OpenAIPrimitive`.

    Args:
        model: Name of the model, unless a request names another.
        client: An `AsyncAnthropic` of yours, or one like it; it is never closed.
        api_key: The key; from `ANTHROPIC_API_KEY`, or what else the SDK signs in with, when left
            out. A server on this machine or network needs none.
        base_url: Where the API is; from `ANTHROPIC_BASE_URL` when left out.
        timeout_seconds: Longest wait for an answer, or for each piece of a stream. The deadline
            of the context holds as well.
        max_tokens: Most tokens of an answer, unless a request says; Anthropic needs a limit.
        temperature: 0 is the most predictable, unless a request says.
        prices: US dollars per token, for this adapter.
        http_client: An `httpx2.AsyncClient` of yours; it is never closed.
        name: Name in paths, traces and diagrams.
        clock: Where the time comes from.

    Raises:
        ConfigurationError: *model* is empty, a limit is not positive, or *client* is not async.
    """

    _package = "anthropic"

    def __init__(
        self,
        model: str,
        *,
        client: Any = None,  # Any: the SDK is optional
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float = 60.0,
        max_tokens: int = 1024,
        temperature: float | None = None,
        prices: Rates | None = None,
        http_client: Any = None,  # Any: httpx2 comes with the SDK
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
        self._answer_tokens = max_tokens

    def _make_client(self, sdk: Any) -> Any:
        key, base_url = self._api_key, self._base_url or os.environ.get("ANTHROPIC_BASE_URL")
        made = sdk.AsyncAnthropic(
            api_key=key, base_url=base_url, max_retries=0, http_client=self._http_client
        )
        if made.api_key is None and made.auth_token is None and made.credentials is None:
            if base_url is None or not host_of(base_url).local:
                # The SDK would notice with the first request only, and raise a TypeError.
                msg = "anthropic needs an API key; set ANTHROPIC_API_KEY or pass api_key="
                raise AuthenticationError(msg, provider="anthropic", model=self.model)
            made.api_key = "none"
        return made

    def _arguments(self, request: LLMRequest, model: str, host: Host) -> dict[str, Any]:
        return messages_arguments(
            request,
            model,
            max_tokens=request.max_tokens or self._answer_tokens,
            temperature=self._temperature if request.temperature is None else request.temperature,
        )

    def _instructions(self, request: LLMRequest) -> Sequence[Message] | None:
        return [message for message in request.messages if is_system(message)]

    async def _send(self, client: Any, arguments: dict[str, Any]) -> Any:
        return await client.messages.create(**arguments)

    async def _open(self, client: Any, arguments: dict[str, Any]) -> Any:
        return await client.messages.create(**arguments, stream=True)

    def _read(self, raw: object, host: Host) -> Reply | None:
        return read_message(raw)

    def _reader(self, host: Host) -> StreamReader:
        return MessageStream()
