"""What an annotation tells about the object it stands beside."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, Protocol

from .scopes import EVERYWHERE
from .value_steps import LONGEST_TEXT, distinct
from .values import Group, Made, Reference, Symbol, Value

if TYPE_CHECKING:
    from .scopes import Scope

_MAPPINGS: Final = frozenset({"Dict", "Mapping", "MutableMapping", "defaultdict", "dict"})
_COLLECTIONS: Final = frozenset(
    {
        "AsyncIterator",
        "Iterable",
        "Iterator",
        "List",
        "Sequence",
        "Tuple",
        "deque",
        "frozenset",
        "list",
        "set",
        "tuple",
    }
)
_ANY_OF: Final = frozenset({"Awaitable", "ClassVar", "Final", "Optional", "Required", "Union"})
_NOTHING: Final = frozenset({"AsyncGenerator", "Callable", "Coroutine", "Generator", "Literal"})
_VAGUE: Final = frozenset({"Any", "Callable", "Optional"})
_DEEPEST: Final = 12


class ReadsNames(Protocol):
    """What is asked for the meaning of a name."""

    def meaning(
        self, node: ast.expr, scope: Scope, place: tuple[int, int], depth: int
    ) -> tuple[Value, ...]:
        """List what an expression may be at a place."""
        ...


def instances(
    annotation: ast.expr, scope: Scope, names: ReadsNames, depth: int = 0
) -> tuple[Value, ...]:
    """List what an object annotated like this may be; a text is read as an annotation.

    Args:
        annotation: As it stands in the source.
        scope: Where it stands.
        names: Who knows the names.
        depth: How deep in other annotations it stands.
    """
    if depth > _DEEPEST:
        return ()
    depth += 1
    place = (EVERYWHERE, 0)
    match annotation:
        case ast.Constant(value=str() as text) if len(text) < LONGEST_TEXT:
            try:
                parsed = ast.parse(text.strip(), mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return ()
            return instances(parsed, scope, names, depth)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            found = [*instances(left, scope, names, depth), *instances(right, scope, names, depth)]
            return distinct(found)
        case ast.Name() | ast.Attribute():
            return tuple(
                Made(value)
                for value in names.meaning(annotation, scope, place, depth)
                if isinstance(value, (Reference, Symbol)) and not _is_vague(value)
            )
        case ast.Subscript():
            return _generic(annotation, scope, names, depth)
        case _:
            return ()


def _generic(node: ast.Subscript, scope: Scope, names: ReadsNames, depth: int) -> tuple[Value, ...]:
    name = node.value.attr if isinstance(node.value, ast.Attribute) else ""
    name = node.value.id if isinstance(node.value, ast.Name) else name
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name in _NOTHING or not inner:
        return ()
    first = instances(inner[0], scope, names, depth)
    if name == "Annotated":
        found = list(first)
        for extra in inner[1:]:
            found.extend(names.meaning(extra, scope, (EVERYWHERE, 0), depth))
        return distinct(found)
    if name in _ANY_OF:
        return distinct(value for part in inner for value in instances(part, scope, names, depth))
    if name in {"Type", "type"}:
        return tuple(value.callee for value in first if isinstance(value, Made))
    if name in _MAPPINGS:
        first = instances(inner[1], scope, names, depth) if len(inner) > 1 else ()
    elif name not in _COLLECTIONS:
        return instances(node.value, scope, names, depth)
    return (Group(first),) if first else ()


def _is_vague(value: Reference | Symbol) -> bool:
    if isinstance(value, Symbol):
        return False
    return value.name.startswith("builtins.") or value.name.rpartition(".")[2] in _VAGUE
