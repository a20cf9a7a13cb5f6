"""Read what reports of any version hold as text, numbers and names; nothing of it raises."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from keploy_framework.formats.narrow import is_list, is_mapping

# Any: other tools write reports, too.
Data: TypeAlias = Any


def text_of(value: Data) -> str:
    """Give a value as text; data as JSON, and bytes that are no text by their number."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return f"({len(value)} bytes that are no text)"
    if is_mapping(value) or is_list(value):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).lower() if isinstance(value, bool) else str(value)


def count_of(value: Data) -> int:
    """Give a whole number; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def mapping_of(value: Data) -> dict[Any, Data]:
    """Give a mapping; an empty one for anything else."""
    return value if is_mapping(value) else {}


def names_of(value: Data) -> tuple[str, ...]:
    """Give a list as texts; one text counts as a list of one."""
    if is_list(value):
        return tuple(text_of(one) for one in value)
    return (text_of(value),) if value else ()
