"""What a call of a model tells observers: what it asks for, and what it got."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

from tta_dev_primitives.core import observe

if TYPE_CHECKING:
    from types import TracebackType

    from tta_dev_primitives.core.context import WorkflowContext

    from .connections import Connection
    from .types import LLMRequest, LLMResponse, Message

_PORTS = {"https": 443, "http": 80}
_OUTPUT_TYPES: dict[object, observe.OutputType] = {
    "json_object": "json",
    "json_schema": "json",
    "text": "text",
}


class Untold:
    """Tells nothing, because nobody watches; what `Report` does costs no more than a call."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        pass

    def asked(self, arguments: Mapping[str, Any], *, stream: bool) -> None:
        """Tell what is asked for.

        Args:
            arguments: Keyword arguments of the SDK's call.
            stream: Whether the answer comes in pieces.
        """

    def answered(self, response: LLMResponse, first_chunk: float | None) -> None:
        """Tell what came back.

        Args:
            response: The whole answer.
            first_chunk: Seconds until the first piece of a stream.
        """


UNTOLD = Untold()


class Report(Untold):
    """Tells the observers of one request.

    Args:
        request: What the model is asked.
        provider: Whose model it is.
        model: What the model is called.
        connection: Where the request goes.
        context: That of the run.
        instructions: Those of the messages that the provider takes apart from the others; None
            where it takes them all in one list.
    """

    __slots__ = (
        "_connection",
        "_content",
        "_context",
        "_instructions",
        "_model",
        "_provider",
        "_request",
    )

    def __init__(
        self,
        request: LLMRequest,
        provider: str,
        model: str,
        connection: Connection,
        context: WorkflowContext,
        instructions: Sequence[Message] | None,
    ) -> None:
        self._request, self._provider, self._model = request, provider, model
        self._connection, self._context = connection, context
        self._instructions = instructions
        self._content: observe.LLMContentRecord | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Tell what was said to a model that gave no answer."""
        if self._content is not None:
            observe.report(self._content)

    def asked(self, arguments: Mapping[str, Any], *, stream: bool) -> None:
        """Tell what is asked for; see `Untold.asked`."""
        body: dict[str, Any] = {**arguments, **(arguments.get("extra_body") or {})}
        address, port = _server_of(str(self._connection.client.base_url))
        observe.report(
            observe.LLMRequestRecord(
                operation="chat",
                provider=self._provider,
                request_model=self._model,
                server_address=address,
                server_port=port,
                conversation_id=self._context.session_id,
                output_type=_output_type(self._request, body),
                stream=stream,
                max_tokens=_whole(body, "max_completion_tokens", "max_tokens"),
                temperature=_number(body, "temperature"),
                top_p=_number(body, "top_p"),
                top_k=_whole(body, "top_k"),
                seed=_whole(body, "seed"),
                stop_sequences=_texts(body, "stop", "stop_sequences"),
                choice_count=_whole(body, "n"),
                frequency_penalty=_number(body, "frequency_penalty"),
                presence_penalty=_number(body, "presence_penalty"),
            )
        )
        watching = observe.active
        if watching is not None and watching.captures_content:
            self._content = self._said()

    def answered(self, response: LLMResponse, first_chunk: float | None) -> None:
        """Tell what came back; see `Untold.answered`."""
        usage = response.usage
        observe.report(
            observe.LLMRecord(
                operation="chat",
                provider=self._provider,
                request_model=self._model,
                response_model=response.model,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_input_tokens=usage.cache_read_tokens,
                cache_write_input_tokens=usage.cache_write_tokens,
                reasoning_output_tokens=usage.reasoning_tokens,
                finish_reason=response.finish_reason,
                duration=response.latency,
                time_to_first_chunk=first_chunk,
                cost=response.cost,
                response_id=response.response_id,
            )
        )
        if self._content is not None:
            self._content.output_messages = (_answer(response),)

    def _said(self) -> observe.LLMContentRecord:
        apart = self._instructions
        messages = self._request.messages
        if apart is not None:
            messages = [message for message in messages if not any(message is own for own in apart)]
        tools = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            }
            for tool in self._request.tools
        ]
        return observe.LLMContentRecord(
            input_messages=tuple(map(_copied, messages)),
            system_instructions=tuple(map(_copied, apart)) if apart else None,
            tool_definitions=tuple(map(_copied, tools)) if tools else None,
        )


@functools.lru_cache(maxsize=64)
def _server_of(base_url: str) -> tuple[str | None, int | None]:
    """Return the host and the port of *base_url*, without what else it may hold."""
    try:
        parts = urlsplit(base_url)
        address, port = parts.hostname, parts.port
    except ValueError:
        return None, None
    return (address, port or _PORTS.get(parts.scheme)) if address else (None, None)


def _output_type(request: LLMRequest, body: Mapping[str, Any]) -> observe.OutputType | None:
    if request.json_schema is not None:
        return "json"
    wanted = body.get("response_format")
    if not isinstance(wanted, Mapping):
        return None
    kind = cast("Mapping[str, object]", wanted).get("type")
    return _OUTPUT_TYPES.get(kind) if isinstance(kind, str) else None


# The values may be whatever a user gave for the SDK, which marks with objects what was not given.


def _number(body: Mapping[str, Any], name: str) -> float | None:
    value = body.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(body: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _texts(body: Mapping[str, Any], *names: str) -> tuple[str, ...] | None:
    for name in names:
        value = body.get(name)
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list | tuple):
            items = cast("Sequence[object]", value)
            return tuple(item for item in items if isinstance(item, str))
    return None


def _answer(response: LLMResponse) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": response.text}
    if response.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in response.tool_calls
        ]
    message["finish_reason"] = response.finish_reason
    return message


def _copied(value: Any) -> Any:  # Any: JSON, and objects of the SDK's among it
    """Return a copy whose containers nobody else has, since it is read later and elsewhere."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {key: _copied(item) for key, item in items}
    if isinstance(value, list | tuple):
        return [_copied(item) for item in cast("Sequence[Any]", value)]
    dump = getattr(value, "model_dump", None)  # what SDKs return, and take back
    return dump() if callable(dump) else value
