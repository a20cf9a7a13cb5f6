"""How the calls of models in a file are reached, and through which primitives.

A way goes from the call outwards: through the function around it to whoever calls that, or to the
composition it is a step of. It ends at something that nobody in the file calls, which other files
may, or at code that cannot be seen through.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from .composition import Composition
from .definitions import Definitions
from .layers import chains, roots
from .primitive_shapes import POLICIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tta_dev_primitives.devtools.source.names import Names
    from tta_dev_primitives.devtools.source.source_file import SourceFile

    from .call_site import CallSite
    from .layers import Chain

Around: TypeAlias = tuple[str, ...]
"""What stands around a call, outermost first: kinds of primitives, or `retry` and `cache`."""

_COUNTED: Final = POLICIES | {"RouterPrimitive"}
_MOST_WAYS: Final = 20
_DEEPEST: Final = 8
# Functions that call what they are handed, and do nothing else around it.
_CALL_IT: Final = frozenset(
    {
        *("apply", "apply_async", "as_completed", "create_task", "ensure_future", "filter"),
        *("gather", "imap", "map", "partial", "process_map", "reduce", "run", "run_in_executor"),
        *("run_in_threadpool", "run_sync", "shield", "sorted", "starmap", "submit"),
        *("thread_map", "Thread", "to_thread", "wait_for", "Process", "LambdaPrimitive"),
    }
)
# Decorators that only register a function, or say something about it.
_HARMLESS: Final = frozenset(
    {
        *("abstractmethod", "agent", "api_route", "asynccontextmanager", "callback", "classmethod"),
        *("command", "contextmanager", "delete", "final", "fixture", "function_tool", "get"),
        *("group", "observe", "on_event", "option", "override", "patch", "post", "property"),
        *("put", "route", "staticmethod", "task", "tool", "trace", "traceable", "websocket"),
        *("workflow", "wraps", "argument", "inject", "no_type_check", "cached_property", "mark"),
        *("field_validator", "instrument", "model_validator", "on_chat_start", "on_message"),
        *("root_validator", "step", "validator"),
    }
)
_RETRIES: Final = ("backoff.", "retry.", "retrying.", "stamina.", "tenacity.")
_CACHES: Final = (
    *("cachetools.", "diskcache.", "functools.cache", "functools.lru_cache", "joblib."),
    *("streamlit.cache", "async_lru.", "aiocache."),
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a call of a model.

    Args:
        around: What it goes through, outermost first.
        entry: Qualified name, within the file, of what other files may call; "" for the module.
        is_known: Whether all of it can be seen.
    """

    around: Around
    entry: str
    is_known: bool = True


class Reaching:
    """The ways to the calls of one file."""

    def __init__(self, file: SourceFile, names: Names, compositions: Sequence[Composition]) -> None:
        self.file, self.names = file, names
        self.definitions = Definitions(file, names)
        self._chains: dict[ast.AST, list[Chain]] = {}
        self._adapters: dict[Composition, list[Chain]] = {}
        self.elsewhere: list[tuple[str, Around]] = []
        """What is put around functions and classes of other files, by dotted name."""
        self._composed = {made.node for made in compositions}
        self._uses: dict[str, list[ast.expr]] | None = None
        self._known: dict[ast.AST, list[Way]] = {}
        for root in roots(compositions):
            for chain in chains(root):
                self._note(chain)
        for made in compositions:
            if made.kind in ("AnthropicPrimitive", "OpenAIPrimitive"):
                self._adapters.setdefault(made, [])

    def ways(self, site: CallSite) -> list[Way]:
        """Return the ways to a call, at least one."""
        return self._ways(self.file.function_of(site.node), 0)[:_MOST_WAYS]

    def adapters(self) -> list[tuple[Composition, list[Way]]]:
        """Return the adapters that are made in the file, with the ways to each."""
        return [
            (made, [Way(_around(chain), "") for chain in found] or [Way((), "")])
            for made, found in self._adapters.items()
        ]

    def _note(self, chain: Chain) -> None:
        leaf = chain.leaf
        if isinstance(leaf, Composition):
            if leaf.kind in ("AnthropicPrimitive", "OpenAIPrimitive"):
                self._adapters.setdefault(leaf, []).append(chain)
        elif isinstance(leaf, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            self._chains.setdefault(leaf, []).append(chain)
        else:
            called = leaf.func if isinstance(leaf, ast.Call) else leaf
            name = self.names.qualified(called)
            if name is not None:
                self.elsewhere.append((name, _around(chain)))

    def _ways(self, function: ast.AST | None, depth: int) -> list[Way]:
        if function is None:
            return [Way((), "")]
        if depth > _DEEPEST:
            return [Way((), "", is_known=False)]
        if function not in self._known:
            self._known[function] = []  # a function that calls itself adds no way of its own
            self._known[function] = self._found(function, depth)
        return self._known[function]

    def _found(self, function: ast.AST, depth: int) -> list[Way]:
        own, is_known = self._decorators(function)
        found = [Way(_around(chain), "") for chain in self._chains_of(function)]
        for user, is_call in self._users(function):
            if user == "composed":
                continue
            outer = self._ways(self.file.function_of(user), depth + 1)
            found += [Way(way.around, way.entry, way.is_known and is_call) for way in outer]
        if not found:
            found = [Way((), self.file.qualname_of(function))]
            if isinstance(function, ast.Lambda) or self._is_inside(function):
                found = self._ways(self.file.function_of(function), depth + 1)
        ways = {Way((*way.around, *own), way.entry, way.is_known and is_known) for way in found}
        ordered = sorted(ways, key=lambda way: (way.around, way.entry, way.is_known))
        return ordered[:_MOST_WAYS]

    def _chains_of(self, function: ast.AST) -> list[Chain]:
        found = list(self._chains.get(function, ()))
        owner = next(self.file.parents(function), None)
        name = getattr(function, "name", "")
        if isinstance(owner, ast.ClassDef) and name in ("execute", "stream", "transform"):
            found += self._chains.get(owner, ())
        return found

    def _is_inside(self, function: ast.AST) -> bool:
        return self.file.function_of(function) is not None

    def _users(self, function: ast.AST) -> Iterator[tuple[ast.AST | Literal["composed"], bool]]:
        """Yield where a function is used, and whether it is called there and nothing more."""
        name = getattr(function, "name", "")
        for node in self._uses_of(name) if name else ():
            if node is function or self.definitions.definition(node) is not function:
                continue
            parent = next(self.file.parents(node), None)
            if isinstance(parent, ast.Call) and parent.func is node:
                yield node, True
            elif self._is_composed(node):
                yield "composed", True
            elif isinstance(parent, (ast.Call, ast.keyword)):
                call = parent
                if isinstance(parent, ast.keyword):
                    call = next(self.file.parents(parent))
                yield node, isinstance(call, ast.Call) and _last_name(call.func) in _CALL_IT
            elif function not in self._chains:
                yield node, False

    def _is_composed(self, node: ast.AST) -> bool:
        for parent in self.file.parents(node):
            if parent in self._composed:
                return True
            if isinstance(parent, ast.stmt):
                return False
        return False

    def _uses_of(self, name: str) -> list[ast.expr]:
        if self._uses is None:
            self._uses = {}
            for node in ast.walk(self.file.tree):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    self._uses.setdefault(node.id, []).append(node)
                elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    self._uses.setdefault(node.attr, []).append(node)
        return self._uses.get(name, [])

    def _decorators(self, function: ast.AST) -> tuple[Around, bool]:
        """Return what decorators of other packages put around, and whether all are known."""
        around: list[str] = []
        is_known = True
        for decorator in getattr(function, "decorator_list", ()):
            if decorator in self._composed:
                continue
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = f"{self.names.qualified(called) or ''}"
            if name.startswith(_RETRIES):
                around.append("retry")
            elif name.startswith(_CACHES):
                around.append("cache")
            elif _last_name(called) not in _HARMLESS:
                is_known = False
        return tuple(around), is_known


def _around(chain: Chain) -> Around:
    return tuple(
        layer.kind for layer in chain.layers if layer.kind in _COUNTED and layer.is_certain
    )


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
