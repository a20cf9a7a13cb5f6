"""Read `__version__` of a package without importing it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = "__version__"


@dataclass(frozen=True, slots=True)
class VersionAttribute:
    """A version that is written in code.

    Args:
        path: The file that writes it.
        line: The line, counted from 1.
        text: What it says.
    """

    path: Path
    line: int
    text: str


def version_attribute(package: Path) -> VersionAttribute | None:
    """Find the text that `__version__` of the package in the folder *package* is.

    It may stand in the `__init__.py`, or in a module beside it that the `__init__.py` takes it
    from. None where there is no attribute, or where it is worked out at run time, as with
    `importlib.metadata`: that one is right by itself. A file that does not parse has none.
    """
    init = _Module.read(package / "__init__.py")
    value = init.assigned(_NAME) if init else None
    if init is None:
        return None
    if value is None:
        return _from_elsewhere(init, package, _NAME)
    return _literal(init, value) or _followed(init, package, value)


def _followed(init: _Module, package: Path, value: ast.expr) -> VersionAttribute | None:
    match value:
        case ast.Name(id=name):
            assigned = init.assigned(name)
            found = _literal(init, assigned) if assigned is not None else None
            return found or _from_elsewhere(init, package, name)
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            return _in_module(package, init.imported(module), name)
        case _:
            return None


def _from_elsewhere(init: _Module, package: Path, name: str) -> VersionAttribute | None:
    source = init.imported(name)
    if source is None or "." not in source:
        return None
    module, _, attribute = source.rpartition(".")
    return _in_module(package, module, attribute)


def _in_module(package: Path, module: str | None, name: str) -> VersionAttribute | None:
    found = _Module.read(package / f"{module.replace('.', '/')}.py") if module else None
    value = found.assigned(name) if found else None
    return _literal(found, value) if found and value is not None else None


def _literal(module: _Module, value: ast.expr) -> VersionAttribute | None:
    match value:
        case ast.Constant(value=str(text)):
            return VersionAttribute(module.path, value.lineno, text)
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Module:
    path: Path
    tree: ast.Module

    @classmethod
    def read(cls, path: Path) -> _Module | None:
        try:
            return cls(path, ast.parse(path.read_bytes()))
        except (OSError, SyntaxError, ValueError, RecursionError):
            # That it cannot be imported shows elsewhere, and with more to go by.
            return None

    def assigned(self, name: str) -> ast.expr | None:
        """Return what *name* is set to last, at the top of the module."""
        found: ast.expr | None = None
        for node in self.tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    found = value
                case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if (
                    target == name
                ):
                    found = value
                case _:
                    pass
        return found

    def imported(self, name: str) -> str | None:
        """Return where *name* comes from, as a dotted path inside the package, else None."""
        own = self.path.parent.name
        for node in self.tree.body:
            if not isinstance(node, ast.ImportFrom) or node.level > 1:
                continue
            home = node.module or ""
            if node.level == 0 and home.partition(".")[0] != own:
                continue
            inside = home if node.level == 1 else home.partition(".")[2]
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return f"{inside}.{alias.name}" if inside else alias.name
        return None
