"""What an expression may stand for within one file.

Assignments are followed backwards: in a straight line the last one counts, after a branch each
that may have happened. What comes from another file stays a `Reference`.
"""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from .annotations import instances
from .scopes import EVERYWHERE, Binding, FileIndex, Scope
from .value_steps import (
    MOST_ALTERNATIVES,
    constant_of,
    distinct,
    element_of,
    item_of,
    member,
    number_in,
    tells_something,
)
from .values import (
    UNKNOWN,
    CallRecord,
    Constant,
    Element,
    Group,
    Made,
    Member,
    Parameter,
    Reference,
    Symbol,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_DEEPEST: Final = 40
_STEPS_OF_ONE_QUESTION: Final = 400
_MOST_ITEMS: Final = 40
_BUILTINS: Final = frozenset(dir(builtins))


class Evaluation:
    """Answers what expressions of one file may stand for.

    Every answer is bounded in time and size, whatever the file: what would take longer is
    `Unknown`.

    Args:
        path: The file, for the values that name it.
        index: Its scopes.
        steps: How many steps all questions together may take.
    """

    def __init__(self, path: str, index: FileIndex, *, steps: int = 1_000_000) -> None:
        self.path = path
        self.index = index
        self._left = steps
        self._question = 0

    def values(self, node: ast.expr, scope: Scope | None = None) -> tuple[Value, ...]:
        """List what an expression may be, at the place where it stands."""
        self._question = min(_STEPS_OF_ONE_QUESTION, self._left)
        before = self._question
        home = scope or self.index.scope_of(node)
        found = self.meaning(node, home, (node.lineno, node.col_offset), 0)
        self._left -= before - self._question
        return found

    def values_bound(self, bindings: Iterable[Binding]) -> tuple[Value, ...]:
        """List what any of these bindings may give."""
        self._question = min(_STEPS_OF_ONE_QUESTION, self._left)
        before = self._question
        found: list[Value] = []
        for binding in bindings:
            found.extend(self._bound(binding, 0))
        self._left -= before - self._question
        return distinct(found)

    def instances_of(self, annotation: ast.expr, scope: Scope) -> tuple[Value, ...]:
        """List what an object annotated like this may be."""
        self._question = min(_STEPS_OF_ONE_QUESTION, self._left)
        return instances(annotation, scope, self)

    def meaning(
        self, node: ast.expr, scope: Scope, place: tuple[int, int], depth: int
    ) -> tuple[Value, ...]:
        """List what an expression may be at a place, as a part of a question."""
        self._question -= 1
        if depth > _DEEPEST or self._question <= 0:
            return (UNKNOWN,)
        depth += 1
        match node:
            case ast.Name():
                return self._name(node.id, scope, place, depth)
            case ast.Attribute():
                owners = self.meaning(node.value, scope, place, depth)
                return tuple(member(owner, node.attr) for owner in owners)
            case ast.Call():
                record: CallRecord | None = None
                made: list[Value] = []
                for callee in self.meaning(node.func, scope, place, depth):
                    record = record or self._record(node, scope, place, depth)
                    made.append(Made(callee, record))
                return tuple(made)
            case ast.Constant():
                return (constant_of(node.value),)
            case ast.Await() | ast.NamedExpr():
                return self.meaning(node.value, scope, place, depth)
            case ast.Subscript():
                key = self._key(node.slice, scope, place, depth)
                owners = self.meaning(node.value, scope, place, depth)
                return tuple(Element(owner, key) for owner in owners)
            case ast.IfExp():
                parts = [node.body, node.orelse]
            case ast.BoolOp():
                parts = node.values if isinstance(node.op, ast.Or) else node.values[-1:]
            case ast.List() | ast.Tuple() | ast.Set():
                items = [self._one(item, scope, place, depth) for item in node.elts[:_MOST_ITEMS]]
                keys = None if isinstance(node, ast.Set) else tuple(range(len(items)))
                return (Group(tuple(items), keys),)
            case ast.Dict():
                return (self._dict(node, scope, place, depth),)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                inner = self.index.scopes.get(node, scope)
                item = node.value if isinstance(node, ast.DictComp) else node.elt
                return (Group((self._one(item, inner, place, depth),)),)
            case ast.Lambda():
                return (Symbol(self.path, self.index.scopes[node].qualname),)
            case ast.BinOp(op=ast.BitOr()):
                # ``prompt | model`` is called like what it is made of.
                parts = [node.left, node.right]
            case ast.UnaryOp() | ast.BinOp():
                return (self._number(node, scope, place, depth),)
            case _:
                return (UNKNOWN,)
        found: list[Value] = []
        for part in parts:
            found.extend(self.meaning(part, scope, place, depth))
        return distinct(found)

    def _one(self, node: ast.expr, scope: Scope, place: tuple[int, int], depth: int) -> Value:
        found = self.meaning(node, scope, place, depth)
        # A parameter stands for its default as well.
        if found and isinstance(found[0], Parameter):
            return found[0]
        return found[0] if len(found) == 1 else UNKNOWN

    def _record(
        self, node: ast.Call, scope: Scope, place: tuple[int, int], depth: int
    ) -> CallRecord:
        positional: list[Value] = []
        is_complete = True
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                is_complete = False
                break
            positional.append(self._one(argument, scope, place, depth + 10))
        keywords: list[tuple[str, Value]] = []
        for keyword in node.keywords:
            if keyword.arg is None:
                is_complete = False
            else:
                value = self._one(keyword.value, scope, place, depth + 10)
                keywords.append((keyword.arg, value))
        return CallRecord(tuple(positional), tuple(keywords), is_complete, self.path, node.lineno)

    def _dict(self, node: ast.Dict, scope: Scope, place: tuple[int, int], depth: int) -> Value:
        keys: list[str | int | None] = []
        values: list[Value] = []
        for key, value in list(zip(node.keys, node.values, strict=True))[:_MOST_ITEMS]:
            keys.append(None if key is None else self._key(key, scope, place, depth))
            values.append(UNKNOWN if key is None else self._one(value, scope, place, depth))
        return Group(tuple(values), tuple(keys))

    def _key(
        self, node: ast.expr, scope: Scope, place: tuple[int, int], depth: int
    ) -> str | int | None:
        value = self._one(node, scope, place, depth)
        known = value.value if isinstance(value, Constant) else None
        return known if isinstance(known, (str, int)) and not isinstance(known, bool) else None

    def _number(
        self, node: ast.UnaryOp | ast.BinOp, scope: Scope, place: tuple[int, int], depth: int
    ) -> Value:
        if isinstance(node, ast.UnaryOp):
            operand = number_in(self._one(node.operand, scope, place, depth))
            if operand is None or not isinstance(node.op, ast.USub):
                return UNKNOWN
            return Constant(-operand)
        left = number_in(self._one(node.left, scope, place, depth))
        right = number_in(self._one(node.right, scope, place, depth))
        if left is None or right is None:
            return UNKNOWN
        match node.op:
            case ast.Add():
                return Constant(left + right)
            case ast.Sub():
                return Constant(left - right)
            case ast.Mult():
                return Constant(left * right)
            case ast.Div() if right:
                return Constant(left / right)
            case _:
                return UNKNOWN

    def _name(
        self, name: str, scope: Scope, place: tuple[int, int], depth: int
    ) -> tuple[Value, ...]:
        home = scope.visible(name)
        if home is None:
            stars = [Reference(f"{star}.{name}", self.path) for star in self.index.module.stars]
            if name in _BUILTINS:
                return (Reference(f"builtins.{name}", self.path),)
            return tuple(stars[:MOST_ALTERNATIVES]) or (Unknown(name),)
        here = home is scope or _runs_at_once(scope, home)
        found: list[Value] = []
        for binding in in_force(home.bindings[name], place if here else (EVERYWHERE, 0), here):
            found.extend(self._bound(binding, depth))
        return distinct(found)

    def _bound(self, binding: Binding, depth: int) -> tuple[Value, ...]:
        node, scope = binding.node, binding.scope
        match binding.kind:
            case "import":
                return (Reference(binding.target, self.path),)
            case "definition":
                assert node is not None
                return (Symbol(self.path, self.index.scopes[node].qualname),)
            case "parameter":
                assert isinstance(node, ast.arg)
                return self._parameter(node, scope, depth)
            case "unknown":
                return (UNKNOWN,)
            case _:
                pass
        if isinstance(node, ast.AnnAssign):
            return self._annotated(node, scope, depth)
        assert isinstance(node, ast.expr)
        found = self.meaning(node, scope, (node.lineno, node.col_offset), depth)
        if binding.kind == "element":
            found = tuple(element_of(value) for value in found)
        elif binding.kind == "entered":
            found = tuple(Member(value, "__enter__") for value in found)
            found = tuple(Made(value) for value in found)
        for number in binding.unpacking:
            found = tuple(item_of(value, number) for value in found)
        return found

    def _annotated(self, node: ast.AnnAssign, scope: Scope, depth: int) -> tuple[Value, ...]:
        found: list[Value] = []
        if node.value is not None:
            found.extend(self.meaning(node.value, scope, (node.lineno, node.col_offset), depth))
        if not any(tells_something(value) for value in found):
            found = [*instances(node.annotation, scope, self, depth), *found]
        return distinct(found)

    def _parameter(self, node: ast.arg, scope: Scope, depth: int) -> tuple[Value, ...]:
        function = scope.node
        assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        arguments = function.args
        if node is arguments.vararg or node is arguments.kwarg:
            return (Unknown(node.arg),)
        owner = scope.parent
        named = [*arguments.posonlyargs, *arguments.args]
        if owner is not None and isinstance(owner.node, ast.ClassDef) and named[:1] == [node]:
            decorators = decorator_names(function)
            if "staticmethod" not in decorators:
                itself = Symbol(self.path, owner.qualname)
                return (itself if "classmethod" in decorators else Made(itself),)
        outer = scope.parent or self.index.module
        default = _default_of(arguments, node)
        defaults: tuple[Value, ...] = ()
        if default is not None:
            defaults = self.meaning(default, outer, (default.lineno, default.col_offset), depth)
        known = defaults[0] if len(defaults) == 1 else None
        found: list[Value] = [Parameter(self.path, scope.qualname, node.arg, known), *defaults]
        if node.annotation is not None:
            found.extend(instances(node.annotation, outer, self, depth))
        return distinct(found)


def in_force(
    bindings: list[Binding],
    place: tuple[int, int],
    is_ordered: bool,  # noqa: FBT001
) -> list[Binding]:
    """Pick the bindings that a name may have at a place.

    Args:
        bindings: Of one name in one scope.
        place: Line and column of the use.
        is_ordered: Whether the use runs in the order of the source; else any may hold.
    """
    if len(bindings) == 1 or not is_ordered:
        return bindings[-MOST_ALTERNATIVES:]
    number = bisect_right(bindings, place, key=lambda binding: (binding.line, binding.column))
    if number == 0:
        return bindings[-MOST_ALTERNATIVES:]
    chosen: list[Binding] = []
    for binding in reversed(bindings[max(number - 50, 0) : number]):
        chosen.append(binding)
        if binding.last_line >= place[0] or len(chosen) == MOST_ALTERNATIVES:
            break
    return chosen


def decorator_names(function: ast.AST) -> set[str]:
    """Give the last names of a function's decorators."""
    names: set[str] = set()
    for decorator in getattr(function, "decorator_list", ()):
        node = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Name):
            names.add(node.id)
    return names


def _runs_at_once(scope: Scope, home: Scope) -> bool:
    """Whether a scope runs where it stands: comprehensions and class bodies do."""
    place: Scope | None = scope
    while place is not None and place is not home:
        if isinstance(place.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return False
        place = place.parent
    return True


def _default_of(arguments: ast.arguments, node: ast.arg) -> ast.expr | None:
    named = [*arguments.posonlyargs, *arguments.args]
    if node in named:
        number = named.index(node) - (len(named) - len(arguments.defaults))
        return arguments.defaults[number] if number >= 0 else None
    return arguments.kw_defaults[arguments.kwonlyargs.index(node)]
