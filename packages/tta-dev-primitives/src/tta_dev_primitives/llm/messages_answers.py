"""Anthropic's messages API: answers read, whole and streamed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from .messages_wire import ANSWER_TOOL
from .reply import PartialCall, Reply, count, field, normal_finish, text_field
from .types import ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence


def read_message(message: object) -> Reply | None:
    """Return what a message of the model says, or None where it is none."""
    blocks = field(message, "content")
    if not isinstance(blocks, list):
        return None
    texts: list[str] = []
    calls: list[ToolCall] = []
    answered = False
    for block in cast("list[object]", blocks):
        kind = field(block, "type")
        if kind == "text":
            texts.append(text_field(block, "text"))
        elif kind == "tool_use":
            name, given = text_field(block, "name"), json.dumps(field(block, "input"))
            if name == ANSWER_TOOL:
                answered = True
                texts.append(given)
            else:
                calls.append(ToolCall(text_field(block, "id"), name, given))
    return Reply(
        text="".join(texts),
        tool_calls=tuple(calls),
        usage=messages_usage(field(message, "usage")),
        finish_reason=_finish(field(message, "stop_reason"), answered, calls) or "stop",
        model=text_field(message, "model"),
        response_id=text_field(message, "id") or None,
    )


def messages_usage(usage: object) -> Usage | None:
    """Return the tokens that *usage* counts; what went through the cache is part of the input."""
    if field(usage, "input_tokens") is None and field(usage, "output_tokens") is None:
        return None
    read, written = (
        count(usage, "cache_read_input_tokens"),
        count(usage, "cache_creation_input_tokens"),
    )
    return Usage(
        input_tokens=count(usage, "input_tokens") + read + written,
        output_tokens=count(usage, "output_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=count(field(usage, "output_tokens_details"), "thinking_tokens"),
        cache_write_1h_tokens=count(field(usage, "cache_creation"), "ephemeral_1h_input_tokens"),
    )


class MessageStream:
    """Put a streamed message together."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: dict[int, PartialCall] = {}
        self._answers: set[int] = set()
        self._usage: dict[str, Any] = {}  # Any: the provider's JSON
        self._stop: object = None
        self._model = self._id = ""

    def feed(self, event: object) -> str:
        """Take the next event and return its text."""
        kind = field(event, "type")
        if kind == "message_start":
            message = field(event, "message")
            self._model, self._id = text_field(message, "model"), text_field(message, "id")
            self._renew_usage(field(message, "usage"))
        elif kind == "message_delta":
            self._stop = field(field(event, "delta"), "stop_reason") or self._stop
            self._renew_usage(field(event, "usage"))
        elif kind == "content_block_start":
            return self._begin(count(event, "index"), field(event, "content_block"))
        elif kind == "content_block_delta":
            return self._add(count(event, "index"), field(event, "delta"))
        return ""

    def reply(self) -> Reply | None:
        """Return the whole answer, or None where the stream ended before it."""
        if self._stop is None:
            return None
        calls = [
            ToolCall(whole.id, whole.name, whole.arguments or "{}")
            for whole in (self._calls[place].whole() for place in sorted(self._calls))
        ]
        return Reply(
            text="".join(self._text),
            tool_calls=tuple(calls),
            usage=messages_usage(self._usage),
            finish_reason=_finish(self._stop, bool(self._answers), calls),
            model=self._model,
            response_id=self._id or None,
        )

    def _begin(self, place: int, block: object) -> str:
        kind = field(block, "type")
        if kind == "text":
            return self._say(text_field(block, "text"))
        if kind == "tool_use":
            name = text_field(block, "name")
            if name == ANSWER_TOOL:
                self._answers.add(place)
            else:
                self._calls[place] = PartialCall(text_field(block, "id"), name)
        return ""

    def _add(self, place: int, delta: object) -> str:
        if field(delta, "type") == "text_delta":
            return self._say(text_field(delta, "text"))
        piece = text_field(delta, "partial_json")
        if place in self._answers:
            return self._say(piece)
        if place in self._calls:
            self._calls[place].arguments.append(piece)
        return ""

    def _say(self, text: str) -> str:
        self._text.append(text)
        return text

    def _renew_usage(self, usage: object) -> None:
        """Take newer counts in the place of older ones: they are totals, not additions."""
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "cache_creation",
            "output_tokens_details",
        ):
            value = field(usage, name)
            if value is not None:
                self._usage[name] = value


def _finish(reason: object, answered: bool, calls: Sequence[ToolCall]) -> str:  # noqa: FBT001
    finish = normal_finish(reason)
    return "stop" if answered and not calls and finish == "tool_calls" else finish
