"""Modules found and parsed by their dotted names, and never imported."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

from .entries import ManifestError


class SourceModules:
    """The modules of some packages, and beyond these whatever the interpreter could import.

    A module is parsed when it is first asked for and then kept.

    Args:
        folders: The packages that are looked into, wherever they lie.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders: dict[str, Path | None] = {folder.name: folder for folder in folders}
        self._trees: dict[str, ast.Module | None] = {}

    def tree(self, module: str) -> ast.Module | None:
        """Parse *module*, or return None where it has no source in Python.

        Raises:
            ManifestError: Its source does not parse.
        """
        if module not in self._trees:
            file = self.file(module)
            self._trees[module] = None if file is None else _parse(file)
        return self._trees[module]

    def is_package(self, module: str) -> bool:
        """Tell whether *module* is a folder with an `__init__.py`."""
        file = self.file(module)
        return file is not None and file.name == "__init__.py"

    def file(self, module: str) -> Path | None:
        """Return where *module* lies, or None."""
        top, _, rest = module.partition(".")
        if top not in self._folders:
            self._folders[top] = _installed(top)
        folder = self._folders[top]
        return None if folder is None else _file_of(folder, rest)


def _installed(top: str) -> Path | None:
    try:
        # For a name without a dot this looks for the module and does not run it.
        found = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    places = found.submodule_search_locations if found is not None else None
    return Path(next(iter(places))) if places else None


def _file_of(folder: Path, rest: str) -> Path | None:
    """Return the file of the module *rest* below a package's *folder*, or None."""
    place = folder.joinpath(*rest.split(".")) if rest else folder
    package = place / "__init__.py"
    module = place.with_name(f"{place.name}.py")
    if package.is_file():
        return package
    return module if rest and module.is_file() else None


def _parse(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        place = f"{file}{line}"
        raise ManifestError(place, f"does not parse: {error}") from error
