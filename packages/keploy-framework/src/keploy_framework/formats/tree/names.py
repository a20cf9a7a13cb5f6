"""How sets and tests are named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keploy_framework.exchange import Request

Naming: TypeAlias = Literal["descriptive", "sequential"]

NEVER_SETS: Final = frozenset(("reports", "testReports", "schema", "api-tests"))
"""Folders beside the test sets that are none."""

_LONGEST_SLUG: Final = 40
_ID: Final = re.compile(
    r"[0-9]+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,}",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"([0-9]+)")


def next_set_name(existing: Iterable[str]) -> str:
    """Give ``test-set-N`` with a number above every one that is taken."""
    return _next("test-set", existing)


def next_test_name(request: Request, existing: Iterable[str], naming: Naming) -> str:
    """Give the name of a new test.

    Args:
        request: What the test asks.
        existing: The names of the tests of the set.
        naming: ``sequential`` for ``test-3``, ``descriptive`` for ``get-users-by-id-1``.
    """
    return _next(slug(request) if naming == "descriptive" else "test", existing)


def slug(request: Request) -> str:
    """Say in at most 40 characters what a request asks, such as ``get-users-by-id``.

    Numbers, UUIDs and long hexadecimal words of the path become ``by-id``.
    """
    path = re.split(r"[?#]", request.target, maxsplit=1)[0]
    words = [request.method]
    for segment in path.split("/"):
        plain = unquote(segment)
        if plain:
            words.append("by-id" if _ID.fullmatch(plain) else plain)
    if len(words) == 1:
        words.append("root")
    text = "-".join(filter(None, (_plain(word) for word in words)))
    return text[:_LONGEST_SLUG].rstrip("-") or "test"


def by_number(name: str) -> tuple[tuple[int, str | int], ...]:
    """Give a key that sorts ``test-2`` before ``test-10``."""
    parts = (part for part in _NUMBER.split(name) if part)
    return tuple((0, int(part[:18])) if part.isdecimal() else (1, part) for part in parts)


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")


def _next(stem: str, existing: Iterable[str]) -> str:
    prefix = f"{stem}-"
    numbers = (name.removeprefix(prefix) for name in existing if name.startswith(prefix))
    taken = [int(number) for number in numbers if re.fullmatch(r"[0-9]{1,9}", number)]
    first = 0 if stem == "test-set" else 1
    return f"{prefix}{max(taken, default=first - 1) + 1}"
