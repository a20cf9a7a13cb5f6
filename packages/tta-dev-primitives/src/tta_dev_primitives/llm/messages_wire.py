"""Anthropic's messages API: requests in the provider-neutral form translated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.errors import ConfigurationError

from .reply import field, text_field
from .types import ToolCall

if TYPE_CHECKING:
    from .types import LLMRequest, Message

Block = dict[str, Any]  # Any: JSON
# "Any JSON object" has no schema to ask for; a tool that takes any object does instead, and what
# the model hands it is the text of the answer.
ANSWER_TOOL = "json_answer"
_SYSTEM_ROLES = ("system", "developer")


def messages_arguments(
    request: LLMRequest, model: str, *, max_tokens: int, temperature: float | None
) -> dict[str, Any]:  # Any: keyword arguments of the SDK
    """Return *request* as arguments of `client.messages.create`.

    Raises:
        ConfigurationError: A tool call among the messages has arguments that are no JSON object.
    """
    arguments: dict[str, Any] = {
        "model": model,
        "max_tokens": max_tokens,
        "messages": _messages(request.messages),
    }
    system = _system(request.messages)
    if system:
        arguments["system"] = system
    if request.stop:
        arguments["stop_sequences"] = list(request.stop)
    tools: list[Block] = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
        for tool in request.tools
    ]
    choice = _tool_choice(request.tool_choice)
    if request.json_schema:
        arguments["output_config"] = {
            "format": {"type": "json_schema", "schema": _schema(request.json_schema)}
        }
    elif request.json_schema is not None:
        choice = {"type": "any"} if tools else {"type": "tool", "name": ANSWER_TOOL}
        tools.append(
            {
                "name": ANSWER_TOOL,
                "description": "Give the answer, as a JSON object of any shape.",
                "input_schema": {"type": "object"},
            }
        )
    if tools:
        arguments["tools"] = tools
    if choice is not None:
        arguments["tool_choice"] = choice
    if temperature is not None:
        arguments["extra_body"] = {"temperature": temperature}
    return arguments


def is_system(message: Message) -> bool:
    """Tell whether *message* belongs apart; one with blocks beside text stays in its place."""
    if message.get("role") not in _SYSTEM_ROLES:
        return False
    content = message.get("content")
    return isinstance(content, str) or all(
        field(block, "type") == "text" for block in _blocks(content)
    )


def _system(messages: Sequence[Message]) -> str | list[Block]:
    contents = [message.get("content") for message in messages if is_system(message)]
    if all(isinstance(content, str) for content in contents):
        return "\n\n".join(cast("list[str]", contents))
    return [block for content in contents for block in _blocks(content)]


def _messages(messages: Sequence[Message]) -> list[Message]:
    translated: list[Message] = []
    results: list[Block] | None = None
    for message in messages:
        if is_system(message):
            continue
        if message.get("role") != "tool":
            results = None
            translated.append(_assistant(message) if message.get("tool_calls") else message)
            continue
        if results is None:  # all results of one turn belong into one message
            results = []
            translated.append({"role": "user", "content": results})
        results.append(
            {
                "type": "tool_result",
                "tool_use_id": message.get("tool_call_id"),
                "content": message.get("content") or "",
            }
        )
    return translated


def _assistant(message: Message) -> Message:
    blocks = _blocks(message.get("content"))
    for call in message["tool_calls"]:
        function = field(call, "function")
        wanted = ToolCall(
            text_field(call, "id"), text_field(function, "name"), text_field(function, "arguments")
        )
        try:
            given = json.loads(wanted.arguments or "{}")
        except ValueError:
            given = None
        if not isinstance(given, dict):
            msg = (
                f"arguments of tool call {wanted.name!r} in the messages are no JSON object; "
                "repair them or leave the call out"
            )
            raise ConfigurationError(msg)
        blocks.append({"type": "tool_use", "id": wanted.id, "name": wanted.name, "input": given})
    return {"role": "assistant", "content": blocks}


def _blocks(content: object) -> list[Block]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(cast("Sequence[Block]", content)) if isinstance(content, Sequence) else []


def _tool_choice(choice: str | None) -> Block | None:
    if choice is None:
        return None
    if choice in ("auto", "none"):
        return {"type": choice}
    return {"type": "any"} if choice == "required" else {"type": "tool", "name": choice}


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return *schema* within the part of JSON Schema that Anthropic takes."""
    from anthropic import transform_schema

    try:
        return transform_schema(dict(schema))
    except (TypeError, ValueError) as error:
        msg = f"json_schema cannot be used with Anthropic: {error}"
        raise ConfigurationError(msg) from error
