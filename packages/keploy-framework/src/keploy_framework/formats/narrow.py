"""Tell a type checker what parsed data are."""

from __future__ import annotations

from typing import Any, TypeGuard


# Any: a file may hold anything.
def is_mapping(value: object) -> TypeGuard[dict[Any, Any]]:
    """Tell whether parsed data are a mapping."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Tell whether parsed data are a list."""
    return isinstance(value, list)
