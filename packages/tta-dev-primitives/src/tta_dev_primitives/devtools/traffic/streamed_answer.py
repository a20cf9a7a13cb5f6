"""What an answer counts and why it failed, from one object or the events of a stream."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Json: TypeAlias = "Mapping[str, object]"

_EVENT_END: Final = re.compile(r"(?:\r\n|\n|\r)(?:\r\n|\n|\r)")
# Where the APIs keep what belongs to the whole answer: Anthropic's first event, and OpenAI's
# responses.
_WHOLE: Final = ("message", "response")


def read_stream(answer: bytes | Iterable[Json]) -> tuple[Json | None, str | None]:
    """Return the counts of tokens and the kind of error, each None where nothing tells them.

    Streams count up: what a later event says replaces what an earlier one said.

    Args:
        answer: The body of a stream, or the objects of its events; a whole answer is one event.
    """
    counts: dict[str, object] = {}
    error: str | None = None
    for event in _events(answer) if isinstance(answer, bytes) else answer:
        for holder in (event, *(event.get(name) for name in _WHOLE)):
            if not isinstance(holder, dict):
                continue
            told = cast("Json", holder)
            usage = told.get("usage")
            if isinstance(usage, dict):
                fresh = cast("Json", usage)
                counts.update((name, n) for name, n in fresh.items() if n is not None)
            error = _error(told.get("error")) or error
    return counts or None, error


def _events(body: bytes) -> Iterator[Json]:
    """Yield the objects of server-sent events; a torn one at the end is left out."""
    for block in _EVENT_END.split(body.decode("utf-8", "replace")):
        lines = (line.partition(":") for line in block.splitlines())
        data = "\n".join(value.removeprefix(" ") for name, _, value in lines if name == "data")
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            continue  # the mark of the end, a comment, or what was cut off
        if isinstance(event, dict):
            yield cast("Json", event)


def _error(given: object) -> str | None:
    if given is None:
        return None
    if isinstance(given, dict):
        told = cast("Json", given)
        # Its message may repeat what was said to the model, so only its kind is taken.
        kind = told.get("type") or told.get("code")
        return kind if isinstance(kind, str) else "error"
    return "error"
