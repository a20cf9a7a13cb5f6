"""Which names a file binds, where, and to which expressions: one walk over its tree."""

from __future__ import annotations

import ast
from typing import Final, Literal, TypeAlias

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
ScopeNode: TypeAlias = (
    FunctionNode
    | ast.Module
    | ast.ClassDef
    | ast.ListComp
    | ast.SetComp
    | ast.DictComp
    | ast.GeneratorExp
)
BindingKind: TypeAlias = Literal[
    "value", "element", "entered", "import", "definition", "parameter", "unknown"
]

EVERYWHERE: Final = 1 << 60


class Binding:
    """One way in which a name gets its value.

    Args:
        kind: "value" is an assignment, "element" a loop's target, "entered" a ``with ... as``.
        node: The expression it comes from, the definition, or the parameter.
        line: Line and column after which it holds.
        column: See `line`.
        last_line: Last line of the branch it stands in; a use up to there cannot miss it.
        unpacking: Which item of the expression, and of that, for ``a, (b, c) = ...``.
        target: For an import the dotted name, with its leading dots.
    """

    __slots__ = ("column", "kind", "last_line", "line", "node", "scope", "target", "unpacking")

    def __init__(
        self,
        kind: BindingKind,
        node: ast.AST | None,
        scope: Scope,
        line: int,
        column: int,
        last_line: int,
        unpacking: tuple[int, ...] = (),
        target: str = "",
    ) -> None:
        self.kind: BindingKind = kind
        self.node = node
        self.scope = scope
        self.line, self.column, self.last_line = line, column, last_line
        self.unpacking = unpacking
        self.target = target


class Scope:
    """A module, class, function, lambda or comprehension and the names it binds."""

    __slots__ = (
        "attributes",
        "bindings",
        "elsewhere",
        "function",
        "node",
        "parent",
        "qualname",
        "results",
        "stars",
    )

    def __init__(self, node: ScopeNode, parent: Scope | None, qualname: str) -> None:
        self.node = node
        self.parent = parent
        self.qualname = qualname
        self.bindings: dict[str, list[Binding]] = {}
        self.elsewhere: dict[str, Scope] = {}
        self.results: list[ast.expr] = []
        self.stars: list[str] = []
        # Of a class: what its methods assign to attributes of their first parameter.
        self.attributes: dict[str, list[Binding]] = {}
        is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        self.function: Scope | None = self if is_function else None

    def bind(self, name: str, binding: Binding) -> None:
        """Note a binding; a name declared global or nonlocal goes to the scope it names."""
        home = self.elsewhere.get(name)
        if home is not None:
            binding.last_line = 0
        (home or self).bindings.setdefault(name, []).append(binding)

    def visible(self, name: str) -> Scope | None:
        """Find the scope a name is read from; classes do not lend theirs to methods."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bindings and (
                scope is self or not isinstance(scope.node, ast.ClassDef)
            ):
                return scope
            scope = scope.parent
        return None

    def class_of(self, name: str) -> Scope | None:
        """Find the class whose method has this name for its first parameter."""
        place: Scope | None = self
        while place is not None and name not in place.bindings:
            place = place.parent
        if place is None or place.parent is None:
            return None
        node, outer = place.node, place.parent
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        first = function_parameters(node.args)[:1]
        is_method = isinstance(outer.node, ast.ClassDef) and [p.arg for p in first] == [name]
        return outer if is_method else None


class FileIndex:
    """Every scope and every call of one file.

    Attributes:
        module: The outermost scope.
        scopes: By the node that opens them.
        parents: The parent of every node but contexts, operators and the names of imports.
        calls: In the order of the source.
        imports: The name and the dotted target of every import.
        aliases: The name and the attribute of every ``name = something.attribute``.
    """

    __slots__ = ("aliases", "calls", "imports", "module", "parents", "scopes")

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope(tree, None, "")
        self.scopes: dict[ast.AST, Scope] = {tree: self.module}
        self.parents: dict[ast.AST, ast.AST] = {}
        self.calls: list[ast.Call] = []
        self.imports: list[tuple[str, str]] = []
        self.aliases: list[tuple[str, str]] = []

    def scope_of(self, node: ast.AST) -> Scope:
        """Give the scope in which an expression is evaluated."""
        parents, scopes = self.parents, self.scopes
        child, parent = node, parents.get(node)
        while parent is not None:
            scope = scopes.get(parent)
            if scope is not None and _is_inside(parent, child):
                return scope
            child, parent = parent, parents.get(parent)
        return self.module


def _is_inside(parent: ast.AST, child: ast.AST) -> bool:
    if isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return isinstance(child, ast.stmt)
    if isinstance(parent, ast.Lambda):
        return child is parent.body
    return True


def function_parameters(arguments: ast.arguments) -> list[ast.arg]:
    """List all parameters in order, starred ones last."""
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return named + [arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None]
