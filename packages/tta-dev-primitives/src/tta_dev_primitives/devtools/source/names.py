"""What the expressions of one file refer to: the questions that rules ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .value_steps import inward
from .values import (
    NOT_CONSTANT,
    Constant,
    ConstantValue,
    Group,
    Made,
    Member,
    NotConstant,
    Parameter,
    Reference,
    Symbol,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from .evaluation import Evaluation
    from .resolution import Resolution
    from .scopes import FileIndex
    from .source_file import SourceFile
    from .workspace import Workspace

__all__ = ["NOT_CONSTANT", "ArgumentValue", "Names", "Origin"]

ArgumentValue: TypeAlias = ConstantValue | NotConstant

_OWN: Final = "tta_dev_primitives"
# Rooms whose public names are given again at the top of the package.
_OWN_ROOMS: Final = frozenset({"core", "errors", "llm", "performance", "recovery"})
_SAME_AS: Final = {"observability_integration.primitives": _OWN}


@dataclass(frozen=True, slots=True)
class Origin:
    """The call that made an object.

    Args:
        qualified: Dotted name of what was called, such as "openai.OpenAI".
        arguments: By position or name; `NOT_CONSTANT` where the value is not known.
        is_complete: Whether these are all: no ``*args`` or ``**kwargs``, and one known call.
            False for an object known by its annotation alone.
        path: The file of the call; "" where the call is not known.
        line: Its line, from 1; 0 where the call is not known.
    """

    qualified: str
    arguments: Mapping[str | int, ArgumentValue]
    is_complete: bool
    path: str
    line: int

    # Any: JSON has no better type.
    def to_json(self) -> dict[str, Any]:
        """Give a form that goes to JSON; what is not constant is ``null`` with a mark."""
        arguments = {
            str(key): {"unknown": True} if value is NOT_CONSTANT else value
            for key, value in self.arguments.items()
        }
        return {
            "qualified": self.qualified,
            "arguments": arguments,
            "is_complete": self.is_complete,
            "path": self.path,
            "line": self.line,
        }


class Names:
    """The names of one file within its workspace.

    Answers are kept, so asking again is cheap. "Not known" is always ``None`` or
    `NOT_CONSTANT`, never a guess.
    """

    def __init__(
        self,
        file: SourceFile,
        index: FileIndex,
        evaluation: Evaluation,
        resolution: Resolution,
        workspace: Workspace,
    ) -> None:
        self.file = file
        self.index = index
        self.workspace = workspace
        self._evaluation = evaluation
        self._resolution = resolution
        self._known: dict[ast.expr, tuple[Value, ...]] = {}

    def values(self, expression: ast.expr) -> tuple[Value, ...]:
        """List everything an expression may stand for, across the workspace."""
        known = self._known.get(expression)
        if known is None:
            here = self._evaluation.values(expression)
            known = self._known[expression] = self._resolution.resolved(here)
        return known

    def resolved(self, value: Value) -> tuple[Value, ...]:
        """List what a value that came with another may be, such as an argument's."""
        return self._resolution.resolved([value])

    def qualified(self, expression: ast.expr) -> str | None:
        """Give the dotted name an expression refers to, ``None`` where it is not one known name.

        A method of an object is named by the object's class: ``client.chat`` is
        "openai.OpenAI.chat". The object itself has an `origin`, and no name.
        """
        found: set[str] = set()
        for value in self.values(expression):
            if value == Constant(None):
                continue
            name = self.dotted(value)
            if name is None:
                return None
            found.add(name)
        return found.pop() if len(found) == 1 else None

    def dotted(self, value: Value) -> str | None:
        """Give the dotted name of a value; ``None`` for an object, a constant, a container."""
        if isinstance(value, (Reference, Symbol)):
            return self._name_of(value)
        if not isinstance(value, Member):
            return None
        names: list[str] = []
        root: str | None = None
        for place in inward(value):
            if isinstance(place, Member):
                names.append(place.name)
            elif not isinstance(place, Made):
                root = self._name_of(place)
        return None if root is None else ".".join([root, *reversed(names)])

    def origin(self, expression: ast.expr) -> Origin | None:
        """Give the call that made an object, ``None`` where that is not known.

        Where several calls of the same thing may have made it, the arguments that all of them
        agree on are told, the others are not constant, and the origin is not complete.
        """
        return self.origin_of(self.values(expression))

    def origin_of(self, values: tuple[Value, ...]) -> Origin | None:
        """Give the one origin of values, as `origin` does of an expression's."""
        origins: list[Origin] = []
        is_certain = True
        for value in values:
            if value == Constant(None):
                continue
            origin = self.origin_of_value(value)
            if origin is None:
                is_certain = False
            else:
                origins.append(origin)
        if not origins or len({origin.qualified for origin in origins}) > 1:
            return None
        if len(origins) == 1 and is_certain:
            return origins[0]
        return _agreed(origins)

    def origin_of_value(self, value: Value) -> Origin | None:
        """Give the call that made one value."""
        if not isinstance(value, Made):
            return None
        name = self.dotted(value.callee)
        if name is None:
            return None
        call = value.call
        if call is None:
            return Origin(name, {}, is_complete=False, path="", line=0)
        arguments: dict[str | int, ArgumentValue] = {}
        for number, argument in enumerate(call.positional):
            arguments[number] = self._constant_in(argument)
        for keyword, argument in call.keywords:
            arguments[keyword] = self._constant_in(argument)
        return Origin(name, arguments, call.is_complete, call.path, call.line)

    def constant(self, expression: ast.expr) -> ArgumentValue:
        """Give the value of an expression where it is known, through names and simple sums."""
        values = self.values(expression)
        if len(values) == 1 and isinstance(values[0], Constant):
            return values[0].value
        return NOT_CONSTANT

    def is_known(self, expression: ast.expr) -> bool:
        """Whether anything at all is known of what an expression stands for."""
        return any(not _is_unknown(value) for value in self.values(expression))

    def _constant_in(self, value: Value) -> ArgumentValue:
        found = self._resolution.resolved([value])
        if len(found) == 1 and isinstance(found[0], Constant):
            return found[0].value
        return NOT_CONSTANT

    def _name_of(self, value: Value) -> str | None:
        if isinstance(value, Reference):
            return public_name(value.name.lstrip("."))
        if isinstance(value, Symbol):
            facts = self.workspace.facts_at(value.path)
            module = facts.module if facts is not None else None
            return public_name(f"{module}.{value.name}" if module else value.name)
        return None


def public_name(name: str) -> str:
    """Give the name a user of this library imports for a name inside it."""
    for other, own in _SAME_AS.items():
        if name.startswith(other + "."):
            return own + name[len(other) :]
    parts = name.split(".")
    if parts[0] != _OWN or len(parts) < 3 or parts[1] not in _OWN_ROOMS:
        return name
    for number, part in enumerate(parts[1:], start=1):
        if part[:1].isupper():
            return ".".join([_OWN, *parts[number:]])
    return f"{_OWN}.{parts[-1]}" if len(parts) > 3 else name


def _agreed(origins: list[Origin]) -> Origin:
    first = origins[0]
    arguments: dict[str | int, ArgumentValue] = {}
    for key in {key for origin in origins for key in origin.arguments}:
        values = [origin.arguments.get(key, NOT_CONSTANT) for origin in origins]
        same = all(value == values[0] for value in values)
        arguments[key] = values[0] if same else NOT_CONSTANT
    return Origin(first.qualified, arguments, is_complete=False, path=first.path, line=first.line)


def _is_unknown(value: Value) -> bool:
    *_, root = inward(value)
    return isinstance(root, (Unknown, Parameter, Group))
