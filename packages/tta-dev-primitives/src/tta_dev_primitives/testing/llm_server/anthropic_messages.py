"""Anthropic's messages: reading requests, writing answers plain and streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tta_dev_primitives.testing.llm_server.answers import argument_pieces
from tta_dev_primitives.testing.llm_server.openai_chat import forced_tool, text_of
from tta_dev_primitives.testing.llm_server.streams import StreamPiece
from tta_dev_primitives.testing.llm_server.values import ChatMessage, ChatRequest, ToolSpec
from tta_dev_primitives.testing.llm_server.wire_json import BodyReader, object_in, objects, sse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.testing.llm_server.answers import Answer
    from tta_dev_primitives.testing.llm_server.values import ChatApi, JsonObject, Provider

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


class AnthropicMessages:
    """`POST /v1/messages`."""

    api: ChatApi = "messages"
    provider: Provider = "anthropic"

    def read(self, body: JsonObject, attempt: int) -> ChatRequest:
        """Read a request; raises `Problem` where Anthropic answers 400."""
        reader = BodyReader(body, self.provider)
        reader.required("max_tokens")
        return self.read_prompt(body, attempt)

    def read_prompt(self, body: JsonObject, attempt: int = 0) -> ChatRequest:
        """Read a request in which `max_tokens` may be missing, as in token counting."""
        reader = BodyReader(body, self.provider)
        tools = tuple(_tool(item) for item in objects(body.get("tools")))
        wanted = object_in(
            object_in(body.get("output_config")).get("format") or body.get("output_format")
        )
        wants_json = wanted.get("type") == "json_schema"
        return ChatRequest(
            api=self.api,
            model=reader.text("model"),
            messages=tuple(
                ChatMessage(str(item.get("role", "")), text_of(item.get("content")))
                for item in reader.messages("messages")
            ),
            system=text_of(body.get("system")),
            tools=tools,
            forced_tool=forced_tool(body.get("tool_choice"), tools, reader),
            wants_json=wants_json,
            json_schema=object_in(wanted.get("schema")) if wants_json else None,
            max_tokens=reader.count("max_tokens"),
            temperature=reader.number("temperature", 0, 1),
            stop=reader.texts("stop_sequences"),
            stream=body.get("stream") is True,
            attempt=attempt,
            raw=body,
        )

    def whole(self, answer: Answer) -> JsonObject:
        """Write the answer as one document."""
        content: list[JsonObject] = [{"type": "text", "text": answer.text}] if answer.text else []
        for at, call in enumerate(answer.tool_calls):
            block = _tool_block(answer, at)
            block["input"] = call.arguments_value
            content.append(block)
        return {
            **_head(answer),
            "content": content,
            "stop_reason": _stop_reason(answer),
            "stop_sequence": answer.stop_text,
            "usage": _usage(answer, answer.output_tokens),
        }

    def pieces(self, answer: Answer) -> Iterator[StreamPiece]:
        """Write the answer as server-sent events."""
        started: JsonObject = {
            **_head(answer),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage(answer, 1),
        }
        yield StreamPiece(_event("message_start", message=started))
        index = 0
        if answer.text or not answer.tool_calls:
            block = {"type": "text", "text": ""}
            yield StreamPiece(_event("content_block_start", index=index, content_block=block))
            yield StreamPiece(_event("ping"))
            for text in answer.chunks:
                delta = {"type": "text_delta", "text": text}
                yield StreamPiece(_event("content_block_delta", index=index, delta=delta), text)
            yield StreamPiece(_event("content_block_stop", index=index))
            index += 1
        for at, call in enumerate(answer.tool_calls):
            block = _tool_block(answer, at)
            yield StreamPiece(
                _event("content_block_start", index=index, content_block=block), call.name
            )
            for text in ("", *argument_pieces(call.arguments_text)):
                delta = {"type": "input_json_delta", "partial_json": text}
                yield StreamPiece(_event("content_block_delta", index=index, delta=delta), text)
            yield StreamPiece(_event("content_block_stop", index=index))
            index += 1
        ending = {"stop_reason": _stop_reason(answer), "stop_sequence": answer.stop_text}
        usage = _usage(answer, answer.output_tokens)
        yield StreamPiece(_event("message_delta", delta=ending, usage=usage), closes=True)
        yield StreamPiece(_event("message_stop"), closes=True)

    def stream_error(self, document: JsonObject) -> bytes:
        """Write an error in the middle of a stream."""
        return sse(document, "error")


def _event(kind: str, **fields: Any) -> bytes:  # Any: JSON values
    return sse({"type": kind, **fields}, kind)


def _head(answer: Answer) -> JsonObject:
    return {
        "id": "msg_01" + answer.draws.hex("id", 22),
        "type": "message",
        "role": "assistant",
        "model": answer.request.model,
    }


def _tool(item: JsonObject) -> ToolSpec:
    return ToolSpec(
        str(item.get("name", "")),
        str(item.get("description") or ""),
        object_in(item.get("input_schema")),
    )


def _tool_block(answer: Answer, at: int) -> JsonObject:
    return {
        "type": "tool_use",
        "id": answer.call_id(at, "toolu_01"),
        "name": answer.tool_calls[at].name,
        "input": {},
    }


def _stop_reason(answer: Answer) -> str:
    if answer.stop_text is not None and answer.finish_reason == "stop":
        return "stop_sequence"
    return _STOP_REASONS[answer.finish_reason]


def _usage(answer: Answer, output_tokens: int) -> JsonObject:
    return {
        "input_tokens": answer.input_tokens - answer.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.cached_tokens,
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }
