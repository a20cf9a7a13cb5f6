"""What the adapters read out of an answer, before it is priced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from tta_dev_primitives.errors import MalformedResponseError

from .types import ToolCall, Usage

# What providers call the end of an answer, in this package's words.
_FINISH_REASONS = {
    "end_turn": "stop",
    "eos": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "model_length": "length",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as the provider gave it; *usage* is None where it did not say."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    usage: Usage | None
    finish_reason: str
    model: str
    response_id: str | None


class PartialCall:
    """A tool call while its pieces arrive."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self, call_id: str, name: str) -> None:
        self.id, self.name = call_id, name
        self.arguments: list[str] = []

    def whole(self) -> ToolCall:
        """Return the call as far as it has arrived."""
        return ToolCall(self.id, self.name, "".join(self.arguments))


def normal_finish(reason: object) -> str:
    """Return the word of this package for the provider's *reason*, or that word itself."""
    word = reason if isinstance(reason, str) else ""
    return _FINISH_REASONS.get(word, word)


def field(value: object, name: str) -> Any:  # Any: SDK objects and JSON mixed
    """Return a field of an SDK's object or of plain JSON, or None where it is not there."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value).get(name)
    return getattr(value, name, None)


def text_field(value: object, name: str) -> str:
    """Return a field that should be text; empty where it is something else."""
    found = field(value, name)
    return found if isinstance(found, str) else ""


def count(value: object, *names: str) -> int:
    """Return the first of the named fields that holds a count, else 0."""
    for name in names:
        found = field(value, name)
        if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
            return found
    return 0


def unfinished(provider: str, model: str) -> MalformedResponseError:
    """Return the error for a stream that ended before the answer did."""
    msg = f"{provider} ({model}) ended the stream before the answer was complete"
    return MalformedResponseError(msg, provider=provider, model=model)
