"""Messages in the form that the GenAI conventions give them: a role, and parts of known types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

Json: TypeAlias = dict[str, Any]  # Any: JSON
_LONGEST_ARGUMENTS: Final = 100_000
_FINISH_REASONS: Final = {"tool_calls": "tool_call"}
_TEXTS: Final = frozenset({"text", "input_text", "output_text"})
_THOUGHTS: Final = {"thinking": "thinking", "reasoning": "text"}
_MEDIA: Final = {
    "document": "document",
    "file": "document",
    "image": "image",
    "image_url": "image",
    "input_audio": "audio",
    "input_image": "image",
}


def message(given: Mapping[str, Any], *, finish_reason: bool) -> Json:
    """Return one message of a chat.

    Args:
        given: As OpenAI's chat API or Anthropic's messages API has it.
        finish_reason: Say why it ended, where that is known.
    """
    role = given.get("role")
    told: Json = {"role": role if isinstance(role, str) else "user"}
    if role == "tool":
        told["parts"] = [
            {
                "type": "tool_call_response",
                "id": given.get("tool_call_id"),
                "response": _plain_text(given.get("content")),
            }
        ]
    else:
        told["parts"] = [*parts(given.get("content")), *_tool_calls(given.get("tool_calls"))]
    if isinstance(given.get("name"), str):
        told["name"] = given["name"]
    reason = given.get("finish_reason")
    if finish_reason and isinstance(reason, str):
        told["finish_reason"] = _FINISH_REASONS.get(reason, reason)
    return told


def parts(content: object) -> list[Json]:
    """Return the parts of a message's content: one text, or a list of them."""
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    if not isinstance(content, list | tuple):
        return []
    return [_part(item) for item in cast("Sequence[object]", content)]


def instructions(messages: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return the parts of all system messages, which have no roles."""
    return [part for given in messages for part in parts(given.get("content"))]


def _part(item: object) -> Json:
    if isinstance(item, str):
        return {"type": "text", "content": item}
    if not isinstance(item, Mapping):
        return {"type": type(item).__name__}
    given = cast("Mapping[str, Any]", item)
    kind = str(given.get("type") or "unknown")
    if kind in _TEXTS:
        return {"type": "text", "content": _plain_text(given.get("text"))}
    if kind == "refusal":
        return {"type": "text", "content": _plain_text(given.get("refusal"))}
    if kind in _THOUGHTS:
        return {"type": "reasoning", "content": _plain_text(given.get(_THOUGHTS[kind]))}
    if kind == "tool_use":
        return _tool_call(given.get("id"), given.get("name"), given.get("input"))
    if kind == "tool_result":
        response = _plain_text(given.get("content"))
        return {
            "type": "tool_call_response",
            "id": given.get("tool_use_id"),
            "response": response,
        }
    if kind in _MEDIA:
        return _medium(_MEDIA[kind], given, given.get(kind))
    return {**given, "type": kind}


def _medium(modality: str, part: Mapping[str, Any], own: object) -> Json:
    """Return where a picture, a sound or a file is; never the data itself, which may be long."""
    source: Json = dict(part)
    source.update(_mapping(part.get("source")))
    source.update(_mapping(own))
    uri, mime_type = source.get("url") or source.get("image_url"), source.get("media_type")
    if isinstance(uri, str) and uri.startswith("data:"):
        head, _, data = uri.partition(",")
        return _left_out(modality, head[5:].partition(";")[0] or mime_type, data)
    told: Json = {"type": "uri", "modality": modality}
    if isinstance(mime_type, str):
        told["mime_type"] = mime_type
    if isinstance(uri, str):
        return {**told, "uri": uri}
    if isinstance(source.get("file_id"), str):
        return {**told, "type": "file", "file_id": source["file_id"]}
    return _left_out(modality, mime_type, source.get("data") or source.get("file_data"))


def _left_out(modality: str, mime_type: object, data: object) -> Json:
    length = len(data) if isinstance(data, str | bytes) else 0
    return {"type": modality, "mime_type": mime_type, "left_out": f"{length} characters of data"}


def _tool_calls(given: object) -> list[Json]:
    if not isinstance(given, list | tuple):
        return []
    told: list[Json] = []
    for item in cast("Sequence[object]", given):
        call = _mapping(item)
        function = _mapping(call.get("function"))
        if function:
            told.append(_tool_call(call.get("id"), function.get("name"), function.get("arguments")))
    return told


def _tool_call(call_id: object, name: object, arguments: object) -> Json:
    return {
        "type": "tool_call",
        "id": call_id,
        "name": name if isinstance(name, str) else "",
        "arguments": _parsed(arguments),
    }


def _parsed(arguments: object) -> object:
    if not isinstance(arguments, str) or len(arguments) > _LONGEST_ARGUMENTS:
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments  # as the model wrote it


def _plain_text(content: object) -> object:
    """Return the text of *content*; what has none stays as it is."""
    if isinstance(content, list | tuple):
        texts = [part.get("content") for part in parts(cast("object", content))]
        if all(isinstance(text, str) for text in texts):
            return "".join(cast("list[str]", texts))
        return cast("object", content)
    return "" if content is None else content


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
