"""What TOML and JSON hold, told apart for the type checker."""

from __future__ import annotations

from typing import TypeGuard


def is_table(value: object) -> TypeGuard[dict[str, object]]:
    """Tell whether a parsed value is a table."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Tell whether a parsed value is a list."""
    return isinstance(value, list)


def table_at(value: object, *keys: str) -> dict[str, object]:
    """Return the table below *keys*, empty where there is none."""
    for key in keys:
        value = value.get(key) if is_table(value) else None
    return value if is_table(value) else {}


def texts(value: object) -> list[str]:
    """Return the texts in a parsed list, none where it is no list."""
    return [item for item in value if isinstance(item, str)] if is_list(value) else []
