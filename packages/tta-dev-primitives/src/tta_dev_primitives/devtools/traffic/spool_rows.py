"""Requests as rows of a database."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .request import Answer, TokenUsage, TrafficRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

# Any: cells of a row, whose types the table below tells.
Row: TypeAlias = tuple[Any, ...]

_TYPES: Final = {
    "ts": "REAL",
    "id": "TEXT",
    "model": "TEXT",
    "input": "INTEGER",
    "output": "INTEGER",
    "cached": "INTEGER",
    "cache_written": "INTEGER",
    "provider": "TEXT",
    "tenant": "TEXT",
    "conversation": "TEXT",
    "key": "BLOB",
    "answers": "TEXT",
    "error": "TEXT",
    "latency": "REAL",
    "cost": "REAL",
    "place": "TEXT",
    "line": "INTEGER",
    "text": "TEXT",
}
COLUMNS: Final = ", ".join(_TYPES)
TABLE: Final = f"CREATE TABLE request ({', '.join(map(' '.join, _TYPES.items()))})"
INSERT: Final = f"INSERT INTO request VALUES ({', '.join('?' * len(_TYPES))})"  # noqa: S608

_NO_ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType({})


def row_of(request: TrafficRequest, line: int) -> Row:
    """Return *request*, which stood in *line*, as a row."""
    usage, answers, text = request.usage, request.answers, request.text
    return (
        request.ts,
        request.id,
        request.model,
        usage.input,
        usage.output,
        usage.cached,
        usage.cache_written,
        request.provider,
        request.tenant,
        request.conversation,
        request.key,
        _answers_text(answers) if answers else None,
        request.error,
        request.latency,
        request.cost,
        request.place,
        line,
        text if text.isascii() else _storable(text),
    )


def request_from_row(row: Row) -> TrafficRequest:
    """Return the request of a row."""
    (
        ts, identity, model, given, answered, cached, written, provider, tenant,
        conversation, key, answers, error, latency, cost, place, _, text,
    ) = row  # fmt: skip
    return TrafficRequest(
        identity,
        ts,
        model,
        TokenUsage(given, answered, cached, written),
        provider,
        tenant,
        conversation,
        key,
        text,
        _NO_ANSWERS if answers is None else _answers_from(answers),
        error,
        latency,
        cost,
        place,
    )


def _storable(text: str) -> str:
    """Return *text* with a question mark for each half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _answers_text(answers: Mapping[str, Answer]) -> str:
    return json.dumps(
        {
            model: [answer.score, None if answer.usage is None else _counts(answer.usage)]
            for model, answer in answers.items()
        }
    )


def _counts(usage: TokenUsage) -> tuple[int, int, int, int]:
    return usage.input, usage.output, usage.cached, usage.cache_written


def _answers_from(text: str) -> dict[str, Answer]:
    return {
        model: Answer(score, None if counts is None else TokenUsage(*counts))
        for model, (score, counts) in json.loads(text).items()
    }
