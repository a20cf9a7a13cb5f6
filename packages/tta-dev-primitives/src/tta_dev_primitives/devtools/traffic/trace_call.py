"""One call of a model, as a trace file tells it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from .asked_text import text_of
from .errors import RequestError
from .request import TokenUsage, TrafficRequest
from .request_key import key_of
from .token_counts import MOST_TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .notes import Notes

# Any: cells of a row, and attributes, which are checked where they are used.
Row: TypeAlias = tuple[Any, ...]
Attributes: TypeAlias = "Mapping[str, Any]"

_NANOSECONDS: Final = 1_000_000_000  # whole, because only then is the quotient exact
_FAILED: Final = frozenset({"error", "timeout", "rejected", "cancelled"})
_ASKED: Final = "gen_ai.input.messages"
_RECORD_THEM: Final = "initialize_observability(capture_content=True) records them"
_INSTRUCTIONS: Final = "gen_ai.system_instructions"
_TOOLS: Final = "gen_ai.tool.definitions"
_PARAMETER: Final = "gen_ai.request."
_CACHED: Final = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
)
_WRITTEN: Final = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
)
# What stands where something was left out, cut or hidden: of two that have it, nobody can tell
# whether they were the same.
_INCOMPLETE: Final = re.compile(
    r'\[redacted\]|\[left out: |"left_out"|\[deeper\]|\[\d+ (?:characters )?more\]'
)


def request_of_call(row: Row, notes: Notes) -> TrafficRequest | None:
    """Return the request of a span, or None for one that tells too little.

    Args:
        row: The span, with the attributes of the event that tells what was said.
        notes: Told of what is missing.

    Raises:
        RequestError: The row is not as the format has it.
    """
    (
        number, trace, start, duration, status, outcome, error_type, path, provider,
        model, given, answered, cost, own, event,
    ) = row  # fmt: skip
    attributes = _object(own)
    model = model or _text(attributes.get("gen_ai.response.model"))
    if model is None:
        notes.count(
            "call does not say which model it was; it is left out",
            "calls do not say which model it was; they are left out",
        )
        return None
    error = None
    if (status == "error") if outcome is None else (outcome in _FAILED):
        error = error_type or outcome or status
    if given is None and answered is None and error is None:
        notes.count(
            "call does not say its tokens; it is left out",
            "calls do not say their tokens; they are left out",
        )
        return None
    if cost is None and attributes.get("gen_ai.usage.cost.currency", "USD") != "USD":
        notes.count(
            "call has its cost in another currency than USD; that is not read",
            "calls have their cost in another currency than USD; that is not read",
        )
    key, text = _asked(attributes, _object(event) if event else {}, notes)
    return TrafficRequest(
        f"{trace}/{number}",
        start / _NANOSECONDS,
        model,
        _usage(given or 0, answered or 0, attributes, notes),
        provider or _text(attributes.get("gen_ai.system")),
        conversation=_text(attributes.get("gen_ai.conversation.id")) or trace,
        key=key,
        text=text,
        error=error,
        latency=duration / _NANOSECONDS,
        cost=cost,
        place=path,
    )


def _usage(given: int, answered: int, attributes: Attributes, notes: Notes) -> TokenUsage:
    cached, written = _count(attributes, _CACHED), _count(attributes, _WRITTEN)
    for count in (given, answered, cached, written):
        if not 0 <= count <= MOST_TOKENS:
            msg = f"it counts {count} tokens, which cannot be; leave its run out of the file"
            raise RequestError(msg)
    if cached + written > given:
        # The conventions count them within the input; some older instrumentations did not.
        notes.count(
            "call counts cached tokens apart from its input; they were added to it",
            "calls count cached tokens apart from their input; they were added to it",
        )
        given += cached + written
    return TokenUsage(given, answered, cached, written)


def _asked(attributes: Attributes, event: Attributes, notes: Notes) -> tuple[bytes | None, str]:
    """Return the key and the text of what was said to the model, as far as it was recorded."""
    said = attributes if _ASKED in attributes else event
    messages = _json(said.get(_ASKED))
    if messages is None:
        notes.count(
            f"call has no recorded messages, so its repeats cannot be told; {_RECORD_THEM}",
            f"calls have no recorded messages, so their repeats cannot be told; {_RECORD_THEM}",
        )
        return None, ""
    params = {
        name.removeprefix(_PARAMETER): value
        for name, value in attributes.items()
        if name.startswith(_PARAMETER)
    }
    params["output_type"] = attributes.get("gen_ai.output.type")
    params["system"], params["tools"] = _json(said.get(_INSTRUCTIONS)), _json(said.get(_TOOLS))
    text = text_of(messages, params)
    if any(_INCOMPLETE.search(str(said.get(name))) for name in (_ASKED, _INSTRUCTIONS, _TOOLS)):
        notes.count(
            "call has messages that are cut or redacted, so its repeats cannot be told",
            "calls have messages that are cut or redacted, so their repeats cannot be told",
        )
        return None, text
    return key_of(messages, params), text


def _object(text: str) -> Attributes:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError, TypeError):
        value = None
    if not isinstance(value, dict):
        msg = "its attributes are no JSON object; take another copy of the file"
        raise RequestError(msg)
    return cast("Attributes", value)


def _json(value: object) -> object:
    """Return the JSON that an attribute holds as a text; None where it is none, as when cut."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(attributes: Attributes, names: tuple[str, ...]) -> int:
    """Return the first of these attributes that is a count, 0 where none is."""
    found = (attributes.get(name) for name in names)
    return next((value for value in found if type(value) is int), 0)
