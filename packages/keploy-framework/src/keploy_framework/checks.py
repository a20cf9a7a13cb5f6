"""Check the types of a configuration's values; a wrong one raises `KeployConfigError`."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import cast

from keploy_framework.errors import KeployConfigError


def check_text(value: object, key: str) -> None:
    """Refuse everything but text."""
    if not isinstance(value, str):
        problem = f"must be text, got {reprlib.repr(value)}; put it in quotes"
        raise KeployConfigError(problem, key=key, value=value)


def check_filled(value: object, key: str) -> None:
    """Refuse everything but text that is not empty."""
    check_text(value, key)
    if not value:
        problem = "must not be empty, got ''; name one"
        raise KeployConfigError(problem, key=key, value=value)


def checked_texts(raw: object, key: str) -> list[str]:
    """Copy a list of texts; nothing at all stands for an empty one."""
    if raw is None:
        return []
    if not isinstance(raw, list):
        problem = f"must be a list, got {reprlib.repr(raw)}; write [] or ['text']"
        raise KeployConfigError(problem, key=key, value=raw)
    items = cast("list[str]", raw)
    _refuse_other_than_text(items, key)
    return list(items)


def checked_mapping(raw: object, key: str) -> dict[str, object]:
    """Copy a mapping from text; nothing at all stands for an empty one."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        problem = f"must be a mapping, got {reprlib.repr(raw)}; write 'key: value' lines"
        raise KeployConfigError(problem, key=key, value=raw)
    pairs = cast("Mapping[str, object]", raw)
    _refuse_other_than_text(pairs, key)
    return dict(pairs)


def _refuse_other_than_text(names: Iterable[object], key: str) -> None:
    for name in names:
        if not isinstance(name, str):
            problem = f"holds {name!r}, which is not text; put it in quotes"
            raise KeployConfigError(problem, key=key, value=name)
