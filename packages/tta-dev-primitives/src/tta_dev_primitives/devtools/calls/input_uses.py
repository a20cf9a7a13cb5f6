"""What a function makes of its parameters: which part of them, and through which operations.

`key(x["prompt"].lower())` uses the part `prompt` of `x`, folded by `lower`. Assignments inside
the function are followed; what is not understood is kept as a use of the whole.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from .flow import dotted, sources, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tta_dev_primitives.devtools.source.source_file import FunctionNode, SourceFile

_DEEPEST: Final = 8
_MOST_USES: Final = 500
# What a context keeps values in; the part of it is what is looked up there.
_SHELVES: Final = frozenset({"metadata", "state", "tags", "baggage"})

Hop: TypeAlias = tuple[str, str, ast.AST]
"""What is done (`item`, `index`, `slice`, `method`, `argument`, `iterated`), a word, and where."""


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a parameter.

    Args:
        parameter: Its name.
        part: Which key or attribute of it, "" for the whole of it.
        hops: What happens to that, in order.
    """

    parameter: str
    part: str
    hops: tuple[Hop, ...]

    @property
    def is_narrowed(self) -> bool:
        """Whether only a piece of the part is used: an item by number, or a slice."""
        return any(kind in ("index", "slice") for kind, _, _ in self.hops)


class Uses:
    """The uses of the parameters of one function."""

    def __init__(self, file: SourceFile, function: FunctionNode) -> None:
        self.file, self.function = file, function
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        self.parameters = [parameter.arg for parameter in named]
        self.body: list[ast.AST] = (
            [function.body] if isinstance(function, ast.Lambda) else list(function.body)
        )
        self.sources: Mapping[str, list[ast.expr]] = sources(self.body)

    def results(self) -> list[ast.expr]:
        """Return what the function returns."""
        if isinstance(self.function, ast.Lambda):
            return [self.function.body]
        return [
            node.value
            for node in within(self.body)
            if isinstance(node, ast.Return) and node.value is not None
        ]

    def of(self, expressions: Iterable[ast.expr]) -> list[Use]:
        """Return the uses of parameters that flow into *expressions*."""
        found: list[Use] = []
        for expression in expressions:
            for parameter, hops in self._in(expression, 0):
                if len(found) >= _MOST_USES:
                    break
                found.append(_use(parameter, hops))
        return found

    def _in(self, expression: ast.AST, depth: int) -> Iterator[tuple[str, tuple[Hop, ...]]]:
        for node in ast.walk(expression):
            if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
                continue
            hops = tuple(self._climb(node, expression))
            if node.id in self.parameters:
                yield node.id, hops
            if depth < _DEEPEST:
                for source in self.sources.get(node.id, ()):
                    for parameter, before in self._in(source, depth + 1):
                        yield parameter, (*before, *hops)

    def _climb(self, node: ast.AST, top: ast.AST) -> Iterator[Hop]:
        child = node
        for parent in self.file.parents(node):
            if child is top:
                return
            yield from _hop(parent, child)
            child = parent


def _hop(parent: ast.AST, child: ast.AST) -> Iterator[Hop]:
    match parent:
        case ast.Subscript(value=value, slice=ast.Constant(value=str() as key)) if value is child:
            yield "item", key, parent
        case ast.Subscript(value=value, slice=ast.Slice() as part) if value is child:
            if part.upper is not None or part.lower is not None:
                yield "slice", "", parent
        case ast.Subscript(value=value) if value is child:
            yield "index", "", parent
        case ast.Attribute(value=value, attr=attr) if value is child:
            yield "item", attr, parent
        case ast.Call(func=function, args=arguments) if function is child:
            # The attribute before was a method: `x.get("model")` is an item, `x.lower()` is not.
            first = arguments[0] if arguments else None
            name = function.attr if isinstance(function, ast.Attribute) else ""
            is_key = isinstance(first, ast.Constant) and isinstance(first.value, str)
            if name in ("get", "pop") and is_key and isinstance(first, ast.Constant):
                yield "get", str(first.value), parent
            else:
                yield "method", name, parent
        case ast.Call(func=function):
            name = dotted(function)
            yield "argument", (name or "").rpartition(".")[2], parent
        case ast.comprehension(iter=value) if value is child:
            yield "iterated", "", parent
        case _:
            pass


def _use(parameter: str, hops: tuple[Hop, ...]) -> Use:
    plain = list(_joined(hops))
    part = ""
    while plain and plain[0][0] == "item":
        part = plain.pop(0)[1]
        if part not in _SHELVES:
            break
    return Use(parameter, part, tuple(plain))


def _joined(hops: tuple[Hop, ...]) -> Iterator[Hop]:
    """Take the attribute of a method and its call together."""
    for number, hop in enumerate(hops):
        following = hops[number + 1] if number + 1 < len(hops) else None
        if following is not None and following[0] in ("get", "method") and hop[0] == "item":
            continue
        if hop[0] == "get":
            yield "item", hop[1], hop[2]
        else:
            yield hop
