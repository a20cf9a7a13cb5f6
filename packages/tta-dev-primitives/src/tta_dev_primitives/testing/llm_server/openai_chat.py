"""OpenAI's chat completions: reading requests, writing answers plain and streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tta_dev_primitives.testing.llm_server.answers import argument_pieces
from tta_dev_primitives.testing.llm_server.streams import StreamPiece
from tta_dev_primitives.testing.llm_server.values import ChatMessage, ChatRequest, ToolSpec
from tta_dev_primitives.testing.llm_server.wire_json import BodyReader, object_in, objects, sse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.testing.llm_server.answers import Answer
    from tta_dev_primitives.testing.llm_server.values import ChatApi, JsonObject, Provider


class OpenAIChat:
    """`POST /v1/chat/completions`."""

    api: ChatApi = "chat"
    provider: Provider = "openai"

    def read(self, body: JsonObject, attempt: int) -> ChatRequest:
        """Read a request; raises `Problem` where OpenAI answers 400."""
        reader = BodyReader(body, self.provider)
        found = reader.messages("messages")
        if (body.get("n") or 1) != 1:
            text = f"Invalid 'n': this server gives one choice, got {body['n']!r}."
            reader.refuse(text, text, "n", "unsupported_value")
        system = [text_of(item.get("content")) for item in found if _instructs(item)]
        tools = tuple(_tool(item) for item in objects(body.get("tools")))
        wants_json, schema = _wanted_format(object_in(body.get("response_format")))
        return ChatRequest(
            api=self.api,
            model=reader.text("model"),
            messages=tuple(
                ChatMessage(str(item.get("role", "")), text_of(item.get("content")))
                for item in found
                if not _instructs(item)
            ),
            system="\n\n".join(system),
            tools=tools,
            forced_tool=forced_tool(body.get("tool_choice"), tools, reader),
            wants_json=wants_json,
            json_schema=schema,
            max_tokens=reader.count("max_completion_tokens", "max_tokens"),
            temperature=reader.number("temperature", 0, 2),
            stop=reader.texts("stop"),
            stream=body.get("stream") is True,
            attempt=attempt,
            raw=body,
        )

    def whole(self, answer: Answer) -> JsonObject:
        """Write the answer as one document."""
        message: JsonObject = {
            "role": "assistant",
            "content": answer.text or (None if answer.tool_calls else ""),
            "refusal": None,
            "annotations": [],
        }
        if answer.tool_calls:
            message["tool_calls"] = [
                {
                    "id": answer.call_id(at, "call_"),
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments_text},
                }
                for at, call in enumerate(answer.tool_calls)
            ]
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": answer.finish_reason,
        }
        return {
            **_head(answer, "chat.completion"),
            "choices": [choice],
            "usage": usage(answer),
        }

    def pieces(self, answer: Answer) -> Iterator[StreamPiece]:
        """Write the answer as server-sent events."""
        options = object_in(answer.request.raw.get("stream_options"))
        with_usage = options.get("include_usage") is True
        head = _head(answer, "chat.completion.chunk")
        if with_usage:
            head["usage"] = None

        def chunk(delta: JsonObject, finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return sse({**head, "choices": [choice]})

        content = None if answer.tool_calls and not answer.text else ""
        yield StreamPiece(chunk({"role": "assistant", "content": content, "refusal": None}))
        for text in answer.chunks:
            yield StreamPiece(chunk({"content": text}), text)
        for at, call in enumerate(answer.tool_calls):
            opening = {
                "index": at,
                "id": answer.call_id(at, "call_"),
                "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }
            yield StreamPiece(chunk({"tool_calls": [opening]}), call.name)
            for text in argument_pieces(call.arguments_text):
                more = {"index": at, "function": {"arguments": text}}
                yield StreamPiece(chunk({"tool_calls": [more]}), text)
        yield StreamPiece(chunk({}, answer.finish_reason), closes=True)
        if with_usage:
            yield StreamPiece(sse({**head, "choices": [], "usage": usage(answer)}), closes=True)
        yield StreamPiece(b"data: [DONE]\n\n", closes=True)

    def stream_error(self, document: JsonObject) -> bytes:
        """Write an error in the middle of a stream."""
        return sse(document)


def usage(answer: Answer) -> JsonObject:
    """Write the usage block of chat completions."""
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def text_of(content: Any) -> str:  # Any: a text, or a list of content parts
    """Join the text in a message's content, whichever API's parts it is made of."""
    if isinstance(content, str):
        return content
    texts: list[str] = []
    for part in objects(content):
        for name in ("text", "content", "output", "input"):
            if isinstance(part.get(name), str | list):
                texts.append(text_of(part[name]))
                break
    return "\n".join(texts)


def forced_tool(choice: Any, tools: tuple[ToolSpec, ...], reader: BodyReader) -> str | None:
    """Name the tool a `tool_choice` demands, in any API's way of saying so.

    Args:
        choice: The field as it came; Any, for it is a stranger's JSON.
        tools: The tools on offer. Where any one will do, it is the first.
        reader: Words the 400 for a tool that is not on offer.
    """
    chosen = object_in(choice)
    name = chosen.get("name") or object_in(chosen.get("function")).get("name")
    if name is None:
        any_will_do = choice in ("required", "any") or chosen.get("type") == "any"
        return tools[0].name if any_will_do and tools else None
    if name not in [tool.name for tool in tools]:
        text = f"Tool choice '{name}' not found in 'tools' parameter."
        reader.refuse(text, text, "tool_choice", None)
    return str(name)


def _instructs(message: JsonObject) -> bool:
    return message.get("role") in {"system", "developer"}


def _tool(item: JsonObject) -> ToolSpec:
    function = object_in(item.get("function"))
    return ToolSpec(
        str(function.get("name", "")),
        str(function.get("description") or ""),
        object_in(function.get("parameters")),
    )


def _wanted_format(wanted: JsonObject) -> tuple[bool, JsonObject | None]:
    match wanted.get("type"):
        case "json_object":
            return True, None
        case "json_schema":
            return True, object_in(object_in(wanted.get("json_schema")).get("schema"))
        case _:
            return False, None


def _head(answer: Answer, kind: str) -> JsonObject:
    return {
        "id": "chatcmpl-" + answer.draws.hex("id", 29),
        "object": kind,
        "created": answer.created,
        "model": answer.request.model,
        "service_tier": "default",
        "system_fingerprint": "fp_" + answer.draws.hex("fingerprint", 10),
    }
