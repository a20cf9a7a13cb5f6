"""Redact JSON in place: all but the secrets keeps its very characters."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from keploy_framework.redaction.shapes import looks_random

if TYPE_CHECKING:
    from keploy_framework.redaction.text import TextRedactor

# Any: JSON of any shape.
Json: TypeAlias = Any

_SCALAR: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[^\s,:\[\]{}"]+', re.DOTALL)
_NAME_KEYS: Final = ("name", "key", "header", "field", "id")
_VALUE_KEYS: Final = ("value", "values")
# Models report the parts of their answers under the name of a secret.
_LOG_PROBABILITY: Final = "logprob"
_MOST_LEVELS: Final = 200
_SHORTEST: Final = 6  # no secret that tells itself is shorter


class _Object(list[tuple[str, Json]]):
    """The members of an object in order, names that come twice included."""


@dataclass(frozen=True, slots=True)
class _Context:
    """What is known about a value from where it stands.

    Args:
        name: The name it stands under.
        secret: Whether the name says that it is a secret.
        inside: Whether it stands somewhere below such a name.
        collected: Whether it stands somewhere in a collection of secrets.
    """

    name: str = ""
    secret: bool = False
    inside: bool = False
    collected: bool = False


def redact_json(text: str, redactor: TextRedactor, level: int) -> str | None:
    """Replace what is secret in a JSON text; ``None`` for text that is no JSON.

    Order, spaces, numbers and names that come twice stay as they are, and every value keeps its
    type.

    Args:
        text: The text.
        redactor: Redacts names and strings.
        level: How many texts it stands within.
    """
    try:
        value = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_Object)
        walk = _Walk(redactor, level)
        walk.value(value, _Context(), 0)
    except (ValueError, RecursionError):
        return None
    if not any(walk.replaced):
        return text
    replaced = iter(walk.replaced)
    return _SCALAR.sub(lambda match: next(replaced) or match[0], text.removeprefix("\ufeff"))


class _Walk:
    """Go through a value in the order of its text, and note what replaces each scalar."""

    __slots__ = ("_level", "_redactor", "replaced")

    def __init__(self, redactor: TextRedactor, level: int) -> None:
        self._redactor = redactor
        self._level = level
        self.replaced: list[str] = []

    def value(self, value: Json, context: _Context, depth: int) -> None:
        if depth > _MOST_LEVELS:
            raise RecursionError
        if isinstance(value, _Object):
            self._object(value, context, depth)
        elif isinstance(value, list):
            for item in cast("list[Json]", value):
                # Messages about a field, and its schema, stand under its name, too.
                inside = context.inside or context.secret
                below = _Context(context.name, inside=inside, collected=context.collected)
                self.value(item, below, depth + 1)
        elif isinstance(value, str):
            self._note(value, self._string(value, context))
        else:
            self.replaced.append(self._scalar(value, context))

    def _object(self, members: _Object, context: _Context, depth: int) -> None:
        names = self._redactor.names
        told = _told_name(members)
        is_part_of_answer = any(name == _LOG_PROBABILITY for name, _ in members)
        for name, value in members:
            self._note(name, self._redactor.text(name, self._level + 1))
            secret = names.field(name) and not (is_part_of_answer and name == "token")
            if told and name in _VALUE_KEYS:
                name = told
                secret = secret or names.field(told) or names.header(told)
            inside = context.inside or context.secret
            collected = context.collected or names.collection(name)
            self.value(value, _Context(name, secret, inside, collected), depth + 1)

    def _string(self, value: str, context: _Context) -> str:
        redactor = self._redactor
        secret = context.secret or (context.collected and " " not in value)
        if secret or (context.inside and looks_random(value)):
            return redactor.secret(context.name, value)
        if len(value) < _SHORTEST:
            return value
        return redactor.text(value, self._level + 1)

    def _scalar(self, value: Json, context: _Context) -> str:
        ledger, names = self._redactor.ledger, self._redactor.names
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not context.secret or not names.number(context.name):
            return ""
        return "" if ledger.is_settled_number(value) else repr(ledger.number(value, "field"))

    def _note(self, before: str, after: str) -> None:
        self.replaced.append("" if before == after else json.dumps(after))


def _told_name(members: _Object) -> str:
    """Give the name that an object tells beside a value, as lists of headers do."""
    if not any(name in _VALUE_KEYS for name, _ in members):
        return ""
    return next(
        (value for name, value in members if name in _NAME_KEYS and isinstance(value, str)), ""
    )
