"""OpenAI's responses: reading requests, writing answers plain and streamed."""

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


class OpenAIResponses:
    """`POST /v1/responses`. Nothing is stored: each request brings its whole conversation."""

    api: ChatApi = "responses"
    provider: Provider = "openai"

    def read(self, body: JsonObject, attempt: int) -> ChatRequest:
        """Read a request; raises `Problem` where OpenAI answers 400."""
        reader = BodyReader(body, self.provider)
        previous = body.get("previous_response_id")
        if previous is not None:
            text = f"Previous response with id '{previous}' not found."
            code = "previous_response_not_found"
            reader.refuse(text, text, "previous_response_id", code)
        if isinstance(body.get("input"), str):
            items: list[JsonObject] = [{"role": "user", "content": body["input"]}]
        else:
            items = reader.messages("input")
        system = [text_of(body.get("instructions"))] if body.get("instructions") else []
        system += [text_of(item.get("content")) for item in items if _instructs(item)]
        tools = tuple(_tool(item) for item in objects(body.get("tools")) if "name" in item)
        wanted = object_in(object_in(body.get("text")).get("format"))
        has_schema = wanted.get("type") == "json_schema"
        return ChatRequest(
            api=self.api,
            model=reader.text("model"),
            messages=tuple(_message(item) for item in items if not _instructs(item)),
            system="\n\n".join(system),
            tools=tools,
            forced_tool=forced_tool(body.get("tool_choice"), tools, reader),
            wants_json=wanted.get("type") in ("json_object", "json_schema"),
            json_schema=object_in(wanted.get("schema")) if has_schema else None,
            max_tokens=reader.count("max_output_tokens"),
            temperature=reader.number("temperature", 0, 2),
            stream=body.get("stream") is True,
            attempt=attempt,
            raw=body,
        )

    def whole(self, answer: Answer) -> JsonObject:
        """Write the answer as one document."""
        return _response(answer, _final_status(answer), _items(answer), ended=True)

    def pieces(self, answer: Answer) -> Iterator[StreamPiece]:
        """Write the answer as server-sent events."""
        numbers = iter(range(1 << 30))

        def event(kind: str, **fields: Any) -> bytes:  # Any: JSON values
            kind = f"response.{kind}"
            return sse({"type": kind, **fields, "sequence_number": next(numbers)}, kind)

        opening = _response(answer, "in_progress", [], ended=False)
        yield StreamPiece(event("created", response=opening))
        yield StreamPiece(event("in_progress", response=opening))
        items = _items(answer)
        for at, item in enumerate(items):
            place = {"item_id": item["id"], "output_index": at}
            if item["type"] == "message":
                blank: JsonObject = {**item, "status": "in_progress", "content": []}
                yield StreamPiece(event("output_item.added", item=blank, output_index=at))
                place["content_index"] = 0
                part = _text_part("")
                yield StreamPiece(event("content_part.added", part=part, **place))
                for text in answer.chunks:
                    delta = event("output_text.delta", delta=text, logprobs=[], **place)
                    yield StreamPiece(delta, text)
                done = event("output_text.done", text=answer.text, logprobs=[], **place)
                yield StreamPiece(done)
                part = _text_part(answer.text)
                yield StreamPiece(event("content_part.done", part=part, **place))
            else:
                blank = {**item, "status": "in_progress", "arguments": ""}
                added = event("output_item.added", item=blank, output_index=at)
                yield StreamPiece(added, item["name"])
                for text in argument_pieces(item["arguments"]):
                    delta = event("function_call_arguments.delta", delta=text, **place)
                    yield StreamPiece(delta, text)
                arguments = item["arguments"]
                done = event("function_call_arguments.done", arguments=arguments, **place)
                yield StreamPiece(done)
            yield StreamPiece(event("output_item.done", item=item, output_index=at))
        status = _final_status(answer)
        closing = _response(answer, status, items, ended=True)
        yield StreamPiece(event(status, response=closing), closes=True)

    def stream_error(self, document: JsonObject) -> bytes:
        """Write an error in the middle of a stream."""
        error = document["error"]
        fields = {name: error[name] for name in ("code", "message", "param")}
        return sse({"type": "error", **fields, "sequence_number": 0}, "error")


def _instructs(item: JsonObject) -> bool:
    return item.get("role") in {"system", "developer"}


def _message(item: JsonObject) -> ChatMessage:
    match item.get("type"):
        case "function_call":
            return ChatMessage("assistant", f"{item.get('name')}({item.get('arguments')})")
        case "function_call_output":
            return ChatMessage("tool", text_of(item.get("output")))
        case _:
            return ChatMessage(str(item.get("role", "")), text_of(item.get("content")))


def _tool(item: JsonObject) -> ToolSpec:
    return ToolSpec(
        str(item["name"]),
        str(item.get("description") or ""),
        object_in(item.get("parameters")),
    )


def _final_status(answer: Answer) -> str:
    return "incomplete" if answer.finish_reason in {"length", "content_filter"} else "completed"


def _text_part(text: str) -> JsonObject:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _items(answer: Answer) -> list[JsonObject]:
    items: list[JsonObject] = []
    status = _final_status(answer)
    if answer.text or not answer.tool_calls:
        items.append(
            {
                "id": "msg_" + answer.draws.hex("message", 50),
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": [_text_part(answer.text)],
            }
        )
    for at, call in enumerate(answer.tool_calls):
        items.append(
            {
                "id": "fc_" + answer.draws.hex(f"item/{at}", 50),
                "type": "function_call",
                "status": status,
                "call_id": answer.call_id(at, "call_"),
                "name": call.name,
                "arguments": call.arguments_text,
            }
        )
    return items


def _response(answer: Answer, status: str, output: list[JsonObject], *, ended: bool) -> JsonObject:
    raw = answer.request.raw
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = reasons.get(answer.finish_reason) if ended else None
    return {
        "id": "resp_" + answer.draws.hex("id", 50),
        "object": "response",
        "created_at": answer.created,
        "completed_at": answer.created if ended and status == "completed" else None,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None if reason is None else {"reason": reason},
        "frequency_penalty": 0.0,
        "instructions": raw.get("instructions"),
        "max_output_tokens": answer.request.max_tokens,
        "max_tool_calls": raw.get("max_tool_calls"),
        "model": answer.request.model,
        "output": output,
        "parallel_tool_calls": raw.get("parallel_tool_calls") is not False,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": raw.get("prompt_cache_key"),
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": raw.get("safety_identifier"),
        "service_tier": "default",
        "store": False,
        "temperature": raw.get("temperature", 1.0),
        "text": raw.get("text") or {"format": {"type": "text"}},
        "tool_choice": raw.get("tool_choice") or "auto",
        "tools": raw.get("tools") or [],
        "top_logprobs": raw.get("top_logprobs", 0),
        "top_p": raw.get("top_p", 1.0),
        "truncation": raw.get("truncation") or "disabled",
        "usage": _usage(answer) if ended else None,
        "user": None,
        "metadata": raw.get("metadata") or {},
    }


def _usage(answer: Answer) -> JsonObject:
    return {
        "input_tokens": answer.input_tokens,
        "input_tokens_details": {"cached_tokens": answer.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }
