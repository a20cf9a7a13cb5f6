"""Functions of a file that ask models, by themselves or through others of the file."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.calls.definitions import Definitions
from tta_dev_primitives.devtools.calls.flow import dotted

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.calls.call_site import CallSite

    from .rule import CheckedFile

_DEEPEST: Final = 4
_LIMITS: Final = re.compile(
    r"limit|throttl|bulkhead|bucket|concurren|semaphore"
    r"|(?:^|[^a-z])(?:sem|sema|lock|mutex|slots?|gate)(?:[^a-z]|$)",
    re.IGNORECASE,
)


class AskingFunctions:
    """Answers what happens when a function of one file is called."""

    def __init__(self, checked: CheckedFile) -> None:
        self.checked = checked
        self.definitions = Definitions(checked.file, checked.names)
        self._sites: dict[ast.AST, list[CallSite]] = {}
        for site in checked.sites:
            function = checked.file.function_of(site.node)
            if function is not None:
                self._sites.setdefault(function, []).append(site)

    def function_of(self, call: ast.Call) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """Return the function of the file that a call runs."""
        called = self.definitions.definition(call.func)
        return called if isinstance(called, (ast.FunctionDef, ast.AsyncFunctionDef)) else None

    def way_to_a_model(self, function: ast.AST) -> list[ast.AST]:
        """Return the functions from *function* down to one that asks a model; none if it does not.

        The last item is the call itself.
        """
        return self._way(function, frozenset())

    def _way(self, function: ast.AST, above: frozenset[ast.AST]) -> list[ast.AST]:
        direct = self._sites.get(function)
        if direct:
            return [function, direct[0].node]
        if len(above) >= _DEEPEST:
            return []
        for node in ast.walk(function):
            if not isinstance(node, ast.Call):
                continue
            called = self.function_of(node)
            if called is not None and called is not function and called not in above:
                way = self._way(called, above | {function})
                if way:
                    return [function, *way]
        return []


def last_name(function: ast.AST) -> str:
    """Return the last name of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def has_limit(code: ast.AST) -> bool:
    """Tell whether something in a piece of code bounds how much of it runs at a time.

    That is an object that is entered without a name for it, as one does with semaphores, locks
    and limiters; a `with`, a decorator or a call whose name speaks of one; and who sleeps paces
    itself, too.
    """
    for node in ast.walk(code):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            if any(_is_limit(item) for item in node.items):
                return True
        elif isinstance(node, ast.Call):
            name = (dotted(node.func) or "").rpartition(".")[2]
            if name in ("acquire", "sleep") or _LIMITS.search(name):
                return True
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(
            _LIMITS.search(ast.unparse(decorator)) for decorator in node.decorator_list
        ):
            return True
    return False


def _is_limit(item: ast.withitem) -> bool:
    is_object = isinstance(item.context_expr, (ast.Name, ast.Attribute, ast.Subscript))
    if is_object and item.optional_vars is None:
        return True
    return _LIMITS.search(ast.unparse(item.context_expr)) is not None
