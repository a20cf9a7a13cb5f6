"""The chat completions API of OpenAI, and of everyone who speaks it too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from .reply import PartialCall, Reply, count, field, normal_finish, text_field
from .types import ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .types import LLMRequest

_NAME = re.compile(r"[^a-zA-Z0-9_-]+")


def chat_arguments(
    request: LLMRequest,
    model: str,
    *,
    max_tokens: int | None,
    temperature: float | None,
    max_tokens_name: str,
) -> dict[str, Any]:  # Any: keyword arguments of the SDK
    """Return *request* as arguments of `client.chat.completions.create`."""
    arguments: dict[str, Any] = {"model": model, "messages": list(request.messages)}
    if max_tokens is not None:
        arguments[max_tokens_name] = max_tokens
    if temperature is not None:
        arguments["temperature"] = temperature
    if request.stop:
        arguments["stop"] = list(request.stop)
    if request.seed is not None:
        arguments["seed"] = request.seed
    if request.tools:
        arguments["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in request.tools
        ]
    if request.tool_choice is not None:
        choice = request.tool_choice
        arguments["tool_choice"] = (
            choice
            if choice in ("auto", "none", "required")
            else {"type": "function", "function": {"name": choice}}
        )
    if request.json_schema is not None:
        arguments["response_format"] = _response_format(request.json_schema)
    return arguments


def read_chat(completion: object, *, thoughts_apart: bool) -> Reply | None:
    """Return what a chat completion says, or None where it is none.

    Args:
        completion: The SDK's object.
        thoughts_apart: Whether the provider leaves reasoning out of the completion tokens.
    """
    choices = field(completion, "choices")
    if not isinstance(choices, list) or not choices:
        return None
    first = cast("list[object]", choices)[0]
    message = field(first, "message")
    if message is None:
        return None
    text, finish = _text(field(message, "content")), _finish(first)
    calls = tuple(
        ToolCall(
            text_field(call, "id"),
            text_field(function, "name"),
            text_field(function, "arguments"),
        )
        for call in field(message, "tool_calls") or ()
        if (function := field(call, "function")) is not None
    )
    refusal = text_field(message, "refusal")
    if refusal and not text:
        text, finish = refusal, "content_filter"
    return Reply(
        text=text,
        tool_calls=calls,
        usage=chat_usage(field(completion, "usage"), thoughts_apart=thoughts_apart),
        finish_reason=finish or _likely_finish(calls),
        model=text_field(completion, "model"),
        response_id=text_field(completion, "id") or None,
    )


def chat_usage(usage: object, *, thoughts_apart: bool) -> Usage | None:
    """Return the tokens that *usage* counts, or None where it counts none."""
    if field(usage, "prompt_tokens") is None and field(usage, "completion_tokens") is None:
        return None
    details = field(usage, "prompt_tokens_details")
    prompt, answer = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    reasoning = count(field(usage, "completion_tokens_details"), "reasoning_tokens")
    beyond = count(usage, "total_tokens") - prompt - answer
    if beyond > 0 and (thoughts_apart or beyond == reasoning):
        answer, reasoning = answer + beyond, beyond
    return Usage(
        input_tokens=prompt,
        output_tokens=answer,
        # DeepSeek and Mistral have names of their own for it.
        cache_read_tokens=count(details, "cached_tokens")
        or count(usage, "prompt_cache_hit_tokens", "num_cached_tokens"),
        cache_write_tokens=count(details, "cache_write_tokens"),
        reasoning_tokens=reasoning,
    )


class ChatStream:
    """Put a streamed chat completion together.

    Args:
        thoughts_apart: Whether the provider leaves reasoning out of the completion tokens.
    """

    def __init__(self, *, thoughts_apart: bool) -> None:
        self._thoughts_apart = thoughts_apart
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[PartialCall] = []
        self._places: dict[object, PartialCall] = {}
        self._usage: Usage | None = None
        self._ends = False
        self._finish = self._model = self._id = ""

    def feed(self, event: object) -> str:
        """Take the next chunk and return its text."""
        self._id = self._id or text_field(event, "id")
        self._model = text_field(event, "model") or self._model
        # Groq hands usage out under a name of its own.
        reported = field(event, "usage") or field(field(event, "x_groq"), "usage")
        self._ends = reported is not None and self._usage is None
        if reported is not None:
            usage = chat_usage(reported, thoughts_apart=self._thoughts_apart)
            self._usage = usage or self._usage
        text = ""
        for choice in field(event, "choices") or ():
            if field(choice, "index"):
                continue  # another of n answers; the first one counts
            self._finish = _finish(choice) or self._finish
            delta = field(choice, "delta")
            text += _text(field(delta, "content"))
            self._refusal.append(text_field(delta, "refusal"))
            for piece in field(delta, "tool_calls") or ():
                self._take_call(piece)
        self._text.append(text)
        return text

    def reply(self) -> Reply | None:
        """Return the whole answer, or None where the stream ended before it."""
        finish = self._finish
        if not finish and self._ends:
            # Some servers never say why they ended, but count the tokens in their last chunk.
            finish = _likely_finish(self._calls)
        if not finish:
            return None
        text, refusal = "".join(self._text), "".join(self._refusal)
        if refusal and not text:
            text, finish = refusal, "content_filter"
        calls = tuple(call.whole() for call in self._calls)
        return Reply(text, calls, self._usage, finish, self._model, self._id or None)

    def _take_call(self, piece: object) -> None:
        place, call_id = field(piece, "index"), text_field(piece, "id")
        function = field(piece, "function")
        name = text_field(function, "name")
        call = self._places.get(place)
        # Some servers give every call the index 0, or none; a new id or name then begins a call.
        if call is None or (call_id and call.id and call_id != call.id and name):
            call = PartialCall(call_id, name)
            self._places[place] = call
            self._calls.append(call)
        call.id, call.name = call.id or call_id, call.name or name
        call.arguments.append(text_field(function, "arguments"))


def _finish(choice: object) -> str:
    details = field(choice, "finish_details")  # what OpenAI's first vision models had
    return normal_finish(field(choice, "finish_reason") or field(details, "type"))


def _likely_finish(calls: Sequence[object]) -> str:
    return "tool_calls" if calls else "stop"


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):  # Mistral: parts, of which some are thoughts
        parts = cast("list[object]", content)
        return "".join(text_field(part, "text") for part in parts if field(part, "type") == "text")
    return ""


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    if not schema:
        return {"type": "json_object"}
    title = schema.get("title")
    name = _NAME.sub("_", title)[:64] if isinstance(title, str) else ""
    return {
        "type": "json_schema",
        "json_schema": {"name": name or "answer", "schema": schema, "strict": _is_strict(schema)},
    }


def _is_strict(schema: object) -> bool:
    """Tell whether OpenAI would take *schema* as a strict one.

    It wants every property of every object required, and no others allowed; a schema that has
    optional properties is still followed, as a hint.
    """
    if isinstance(schema, list):
        return all(map(_is_strict, cast("list[object]", schema)))
    if not isinstance(schema, Mapping):
        return True
    fields = cast("Mapping[str, Any]", schema)
    if fields.get("type") == "object" or "properties" in fields:
        required: Sequence[str] = fields.get("required") or ()
        properties: Mapping[str, object] = fields.get("properties") or {}
        if fields.get("additionalProperties") is not False or set(required) != set(properties):
            return False
    return all(map(_is_strict, fields.values()))
