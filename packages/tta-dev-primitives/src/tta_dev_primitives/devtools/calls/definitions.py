"""The code that a name of a file stands for: the function, the class or the expression itself.

`Names` says what an object is, in values that can be kept; this says where its code stands, for
those who want to look into it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, TypeAlias

from tta_dev_primitives.devtools.source.evaluation import in_force
from tta_dev_primitives.devtools.source.scopes import EVERYWHERE

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.source.names import Names
    from tta_dev_primitives.devtools.source.scopes import Binding, FileIndex
    from tta_dev_primitives.devtools.source.source_file import SourceFile

Definition: TypeAlias = ast.expr | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_MOST_NAMES: Final = 30


class Definitions:
    """What the names of one file are bound to, within that file.

    A name with several possible bindings at a place stands for itself, and so does one that comes
    from elsewhere.
    """

    def __init__(self, file: SourceFile, names: Names) -> None:
        self.file, self.names = file, names
        self.index: FileIndex = names.index
        self._open: set[ast.AST] = set()
        self._known: dict[tuple[ast.expr, bool], Definition] = {}

    def definition(self, expression: ast.expr, *, through_calls: bool = True) -> Definition:
        """Follow names and attributes to what they were given; else *expression* itself.

        Args:
            expression: Any expression of the file.
            through_calls: Take `functools.partial(f, ...)` for `f`, and a call of a function of
                this file that only ever returns one expression for that expression.
        """
        known = self._known.get((expression, through_calls))
        if known is not None:
            return known
        seen: set[ast.AST] = set()
        current: Definition = expression
        # What an attribute belongs to is looked up in between: a ring of names ends here, too.
        while current not in seen | self._open and len(self._open) + len(seen) < _MOST_NAMES:
            seen.add(current)
            self._open.add(current)
            try:
                following = self._step(current, through_calls=through_calls)
            finally:
                self._open.discard(current)
            if following is None:
                break
            current = following
        self._known[expression, through_calls] = current
        return current

    def class_of(self, instance: ast.expr) -> ast.ClassDef | None:
        """Return the class of this file that *instance* is made of."""
        made = self.definition(instance)
        if not isinstance(made, ast.Call):
            return None
        called = self.definition(made.func)
        return called if isinstance(called, ast.ClassDef) else None

    def attribute(self, owner: ast.ClassDef, name: str) -> Definition | None:
        """Return what an attribute or a method of a class is, in it or in its bases here."""
        for place in self._line_of(owner):
            scope = self.index.scopes.get(place)
            if scope is None:
                continue
            bindings = [*scope.bindings.get(name, ()), *scope.attributes.get(name, ())]
            if bindings:
                return _value(bindings[0]) if len(bindings) == 1 else None
        return None

    def _step(self, current: Definition, *, through_calls: bool) -> Definition | None:
        if isinstance(current, ast.Name):
            return self._bound(current)
        if isinstance(current, ast.Attribute):
            return self._attribute(current)
        if isinstance(current, ast.Call) and through_calls:
            return self._called(current)
        return None

    def _bound(self, name: ast.Name) -> Definition | None:
        scope = self.index.scope_of(name) if name.id else self.index.module
        home = scope.visible(name.id)
        if home is None:
            return None
        here = home is scope or home.function is scope.function
        place = (name.lineno, name.col_offset) if here else (EVERYWHERE, 0)
        bindings = home.bindings[name.id]
        # From another function the last binding holds, if nothing makes it depend on the way.
        found = in_force(bindings, place, here) if here else bindings[-1:]
        if len(found) != 1 or (not here and bindings[-1].last_line < EVERYWHERE):
            found = bindings if len(bindings) == 1 else []
        return _value(found[0]) if found else None

    def _attribute(self, node: ast.Attribute) -> Definition | None:
        if isinstance(node.value, ast.Name):
            owner = self._owner(node.value)
            if owner is not None:
                return self.attribute(owner, node.attr)
        own = self.definition(node.value)
        if isinstance(own, ast.ClassDef):
            return self.attribute(own, node.attr)
        own_class = self.class_of(own) if isinstance(own, ast.Call) else None
        return None if own_class is None else self.attribute(own_class, node.attr)

    def _owner(self, name: ast.Name) -> ast.ClassDef | None:
        """Return the class whose method has *name* as its first parameter."""
        home = self.index.scope_of(name).visible(name.id)
        if home is None or home.parent is None or not isinstance(home.parent.node, ast.ClassDef):
            return None
        first = next(iter(home.bindings.values()), None)
        is_first = first is not None and first[0].kind == "parameter" and name.id in home.bindings
        is_first = is_first and next(iter(home.bindings)) == name.id
        return home.parent.node if is_first else None

    def _called(self, call: ast.Call) -> Definition | None:
        if self.names.qualified(call.func) == "functools.partial" and call.args:
            return call.args[0]
        if not isinstance(call.func, (ast.Name, ast.Attribute)):
            return None
        function = self.definition(call.func)
        if not isinstance(function, ast.FunctionDef):
            return None
        scope = self.index.scopes.get(function)
        results = [] if scope is None else scope.results
        return results[0] if len(results) == 1 else None

    def _line_of(self, owner: ast.ClassDef) -> list[ast.ClassDef]:
        line, waiting = [owner], list(owner.bases)
        while waiting and len(line) < _MOST_NAMES:
            base = self.definition(waiting.pop(0))
            if isinstance(base, ast.ClassDef) and base not in line:
                line.append(base)
                waiting.extend(base.bases)
        return line


def _value(binding: Binding) -> Definition | None:
    if binding.unpacking or binding.kind not in ("value", "definition"):
        return None
    node = binding.node
    if isinstance(node, ast.AnnAssign):
        return node.value
    if isinstance(node, (ast.expr, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node
    return None
