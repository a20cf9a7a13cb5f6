"""The one walk over a tree that fills a `FileIndex`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, TypeAlias

from .scopes import Binding, BindingKind, FileIndex, Scope, ScopeNode, function_parameters
from .tree_fields import FIELDS, LEAVES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# A node that waits, its parent, the scope it is evaluated in, the last line of its branch.
_Waiting: TypeAlias = tuple[ast.AST, ast.AST, Scope, int]


def index_of(tree: ast.Module, package: str | None) -> FileIndex:
    """Walk a tree once, in the order of the source and without recursion.

    Args:
        tree: The file.
        package: Dotted name of the package its relative imports start from, where known.
    """
    return _Walk(tree, package).index


class _Walk:
    def __init__(self, tree: ast.Module, package: str | None) -> None:
        self.index = FileIndex(tree)
        self._package = package
        self._waiting: list[_Waiting] = []
        handlers: dict[type[ast.AST], Callable[[_Waiting], None]] = {
            ast.Assign: self._assign,
            ast.AnnAssign: self._annotated,
            ast.AsyncFor: self._loop,
            ast.AsyncFunctionDef: self._function,
            ast.AsyncWith: self._with,
            ast.Call: self._call,
            ast.ClassDef: self._class,
            ast.DictComp: self._comprehension,
            ast.ExceptHandler: self._handler,
            ast.For: self._loop,
            ast.FunctionDef: self._function,
            ast.GeneratorExp: self._comprehension,
            ast.Global: self._global,
            ast.If: self._branches,
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.Lambda: self._lambda,
            ast.ListComp: self._comprehension,
            ast.Match: self._branches,
            ast.NamedExpr: self._named,
            ast.Nonlocal: self._nonlocal,
            ast.Return: self._return,
            ast.SetComp: self._comprehension,
            ast.Try: self._try,
            ast.While: self._branches,
            ast.With: self._with,
            ast.Yield: self._return,
        }
        try_star = getattr(ast, "TryStar", None)
        if try_star is not None:
            handlers[try_star] = self._try
        self._children(tree, self.index.module, 1 << 60)
        parents, waiting, generic = self.index.parents, self._waiting, self._children
        while waiting:
            item = waiting.pop()
            node, parents[node] = item[0], item[1]
            handler = handlers.get(type(node))
            if handler is None:
                generic(node, item[2], item[3])
            else:
                handler(item)

    def _children(self, node: ast.AST, scope: Scope, last_line: int) -> None:
        """Let the children of a node wait; leaves get their parent at once."""
        parents = self.index.parents
        found: list[_Waiting] = []
        for name in FIELDS.get(node.__class__, ()):
            # Any: the fields of a tree have no common type.
            value: Any = getattr(node, name, None)
            if value.__class__ is list:
                for child in value:
                    if child.__class__ in LEAVES:
                        parents[child] = node
                    elif isinstance(child, ast.AST):
                        found.append((child, node, scope, last_line))
            elif value.__class__ in LEAVES:
                parents[value] = node
            elif isinstance(value, ast.AST):
                found.append((value, node, scope, last_line))
        if found:
            if len(found) > 1:
                found.reverse()
            self._waiting.extend(found)

    def _push(
        self, nodes: Sequence[ast.AST | None], parent: ast.AST, scope: Scope, last_line: int
    ) -> None:
        for node in reversed(nodes):
            if node is not None:
                self._waiting.append((node, parent, scope, last_line))

    def _call(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, ast.Call)
        self.index.calls.append(node)
        self._children(node, scope, last_line)

    def _bind(
        self,
        target: ast.expr,
        kind: BindingKind,
        value: ast.AST | None,
        scope: Scope,
        place: tuple[int, int, int],
        unpacking: tuple[int, ...] = (),
    ) -> None:
        if isinstance(target, ast.Name):
            scope.bind(target.id, Binding(kind, value, scope, *place, unpacking))
        elif isinstance(target, (ast.Tuple, ast.List)):
            for number, part in enumerate(target.elts):
                if len(unpacking) < 4:
                    self._bind(part, kind, value, scope, place, (*unpacking, number))
        elif isinstance(target, ast.Starred):
            self._bind(target.value, "unknown", None, scope, place)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            owner = scope.class_of(target.value.id)
            if owner is not None:
                binding = Binding(kind, value, scope, *place, unpacking)
                owner.attributes.setdefault(target.attr, []).append(binding)

    def _assign(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, ast.Assign)
        place = (node.end_lineno or node.lineno, node.end_col_offset or 0, last_line)
        if isinstance(node.value, ast.Attribute):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self.index.aliases.append((target.id, node.value.attr))
        for target in node.targets:
            self._bind(target, "value", node.value, scope, place)
        self._children(node, scope, last_line)

    def _annotated(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, ast.AnnAssign)
        place = (node.end_lineno or node.lineno, node.end_col_offset or 0, last_line)
        # The whole statement is kept: its annotation answers where its value does not.
        self._bind(node.target, "value", node, scope, place)
        self._children(node, scope, last_line)

    def _named(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, ast.NamedExpr)
        home = scope
        while isinstance(home.node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            assert home.parent is not None
            home = home.parent
        place = (node.end_lineno or node.lineno, node.end_col_offset or 0, last_line)
        self._bind(node.target, "value", node.value, home, place)
        self._children(node, scope, last_line)

    def _loop(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, (ast.For, ast.AsyncFor))
        end = _last_line(node.body)
        place = (node.iter.end_lineno or node.lineno, node.iter.end_col_offset or 0, end)
        self._bind(node.target, "element", node.iter, scope, place)
        self._push(node.orelse, node, scope, _last_line(node.orelse))
        self._push(node.body, node, scope, end)
        self._push((node.target, node.iter), node, scope, last_line)

    def _with(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, (ast.With, ast.AsyncWith))
        for entry in node.items:
            if entry.optional_vars is not None:
                manager = entry.context_expr
                end = (manager.end_lineno or node.lineno, manager.end_col_offset or 0, last_line)
                self._bind(entry.optional_vars, "entered", manager, scope, end)
        self._children(node, scope, last_line)

    def _handler(self, item: _Waiting) -> None:
        node, _, scope, _ = item
        assert isinstance(node, ast.ExceptHandler)
        end = _last_line(node.body)
        if node.name is not None:
            scope.bind(node.name, Binding("unknown", None, scope, node.lineno, 0, end))
        self._children(node, scope, end)

    def _branches(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        if isinstance(node, ast.Match):
            for case in reversed(node.cases):
                self._waiting.append((case, node, scope, _last_line(case.body)))
            self._push((node.subject,), node, scope, last_line)
            return
        assert isinstance(node, (ast.If, ast.While))
        self._push(node.orelse, node, scope, _last_line(node.orelse))
        self._push(node.body, node, scope, _last_line(node.body))
        self._push((node.test,), node, scope, last_line)

    def _try(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, ast.Try) or type(node).__name__ == "TryStar"
        self._children(node, scope, last_line)

    def _return(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, (ast.Return, ast.Yield))
        if node.value is not None and scope.function is not None:
            scope.function.results.append(node.value)
        self._children(node, scope, last_line)

    def _function(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        inner = self._enter(node, scope, node.name)
        scope.bind(
            node.name, Binding("definition", node, scope, node.lineno, node.col_offset, last_line)
        )
        self._bind_parameters(node.args, inner)
        self._push(node.body, node, inner, 1 << 60)
        self._push(getattr(node, "type_params", ()), node, inner, 1 << 60)
        self._push((node.args, node.returns), node, scope, last_line)
        self._push(node.decorator_list, node, scope, last_line)

    def _lambda(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, ast.Lambda)
        inner = self._enter(node, scope, f"<lambda {node.lineno}:{node.col_offset}>")
        inner.results.append(node.body)
        self._bind_parameters(node.args, inner)
        self._push((node.body,), node, inner, 1 << 60)
        self._push((node.args,), node, scope, last_line)

    def _bind_parameters(self, arguments: ast.arguments, scope: Scope) -> None:
        for parameter in function_parameters(arguments):
            binding = Binding("parameter", parameter, scope, 0, 0, 1 << 60)
            scope.bindings.setdefault(parameter.arg, []).append(binding)

    def _class(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, ast.ClassDef)
        inner = self._enter(node, scope, node.name)
        scope.bind(
            node.name, Binding("definition", node, scope, node.lineno, node.col_offset, last_line)
        )
        self._push(node.body, node, inner, 1 << 60)
        self._push(getattr(node, "type_params", ()), node, inner, 1 << 60)
        self._push(node.keywords, node, scope, last_line)
        self._push(node.bases, node, scope, last_line)
        self._push(node.decorator_list, node, scope, last_line)

    def _comprehension(self, item: _Waiting) -> None:
        node, _, scope, _ = item
        assert isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp))
        inner = self._enter(node, scope, "")
        for generator in node.generators:
            self._bind(generator.target, "element", generator.iter, inner, (0, 0, 1 << 60))
        self._children(node, inner, 1 << 60)

    def _enter(self, node: ScopeNode, scope: Scope, name: str) -> Scope:
        qualname = f"{scope.qualname}.{name}" if scope.qualname and name else name or scope.qualname
        inner = Scope(node, scope, qualname)
        if inner.function is None and not isinstance(node, ast.ClassDef):
            inner.function = scope.function
        self.index.scopes[node] = inner
        return inner

    def _global(self, item: _Waiting) -> None:
        node, _, scope, _ = item
        assert isinstance(node, ast.Global)
        for name in node.names:
            scope.elsewhere[name] = self.index.module

    def _nonlocal(self, item: _Waiting) -> None:
        node, _, scope, _ = item
        assert isinstance(node, ast.Nonlocal)
        for name in node.names:
            home = scope.parent.visible(name) if scope.parent is not None else None
            if home is not None:
                scope.elsewhere[name] = home

    def _import(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, ast.Import)
        for alias in node.names:
            target = alias.name if alias.asname else alias.name.partition(".")[0]
            binding = Binding(
                "import", node, scope, node.lineno, node.col_offset, last_line, target=target
            )
            scope.bind(alias.asname or target, binding)
            self.index.imports.append((alias.asname or target, target))

    def _import_from(self, item: _Waiting) -> None:
        node, _, scope, last_line = item
        assert isinstance(node, ast.ImportFrom)
        module = _absolute(node, self._package)
        for alias in node.names:
            if alias.name == "*":
                self.index.module.stars.append(module)
                continue
            joint = "" if module.endswith(".") else "."
            target = f"{module}{joint}{alias.name}"
            binding = Binding(
                "import", node, scope, node.lineno, node.col_offset, last_line, target=target
            )
            scope.bind(alias.asname or alias.name, binding)
            self.index.imports.append((alias.asname or alias.name, target))


def _absolute(node: ast.ImportFrom, package: str | None) -> str:
    module = node.module or ""
    if not node.level:
        return module
    parts = package.split(".") if package else []
    if len(parts) >= node.level:
        kept = parts[: len(parts) - node.level + 1]
        return ".".join([*kept, module] if module else kept)
    return "." * node.level + module


def _last_line(body: Sequence[ast.stmt]) -> int:
    return (body[-1].end_lineno or body[-1].lineno) if body else 0
