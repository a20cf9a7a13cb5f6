"""How alike two requests are, by the fields of their JSON bodies."""

from __future__ import annotations

from collections import Counter
from typing import Final, TypeAlias

from keploy_framework.matching.json_values import NOT_JSON, Json, text_of
from keploy_framework.matching.volatile.auto_noise import leaves
from keploy_framework.matching.volatile.identifiers import identifier_kind
from keploy_framework.matching.volatile.times import is_time

Fields: TypeAlias = "Counter[tuple[str, str]]"

MOST_BODY_BYTES: Final = 65_536
"""A larger body is not compared by likeness."""

_MOST_FIELDS: Final = 2000
# A number that counts to about now is no field to be sure of, so only texts are told as times.
_NO_TIME: Final = -(10**30)


def fields_of(body: bytes, value: Json) -> Fields | None:
    """Count the fields of a JSON body; ``None`` for any other, and for a large one.

    Texts that differ in every run count by their kind: one UUID is as good as another.

    Args:
        body: The body.
        value: What it says; `NOT_JSON` for any other body.
    """
    if len(body) > MOST_BODY_BYTES or value is NOT_JSON:
        return None
    found: Fields = Counter()
    for path, leaf in leaves(value):
        text = text_of(leaf)
        if isinstance(leaf, str):
            kind = identifier_kind(text, path.rpartition(".")[2])
            text = f"a {kind or 'time'}" if kind or is_time(text, _NO_TIME) else f"={text}"
        found[path, text] += 1
    return found if 0 < found.total() <= _MOST_FIELDS else None


def similarity(first: Fields, second: Fields) -> float:
    """Give the share of fields that two bodies have in common, from 0 to 1."""
    return 2 * (first & second).total() / (first.total() + second.total())
