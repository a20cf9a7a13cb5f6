"""The primitives in the public API of a package, read from its source."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from .definitions import ClassDefinition, base_classes, find_class, imported_names
from .entries import PrimitiveEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .source_modules import SourceModules

_ROOT: Final = ("tta_dev_primitives.core.base", "WorkflowPrimitive")


def public_primitives(
    modules: SourceModules, package: str, extras: Mapping[str, Sequence[str]]
) -> list[PrimitiveEntry]:
    """List the primitives among the public names of *package*, sorted by name.

    Public is what `__all__` names; without one, what does not begin with an underscore. A primitive
    is a class whose bases lead to `WorkflowPrimitive`, as far as the source tells.

    Args:
        modules: Where the source is.
        package: The import name.
        extras: What primitives need beyond the package, by class name.

    Raises:
        ManifestError: A source does not parse.
    """
    found: list[PrimitiveEntry] = []
    for name in sorted(_public_names(modules, package)):
        definition = find_class(modules, package, name)
        if definition is not None and is_primitive(modules, definition):
            found.append(entry_of(definition, f"{package}:{name}", extras.get(name, ())))
    return found


def entry_of(
    definition: ClassDefinition, import_path: str, extras: Sequence[str] = ()
) -> PrimitiveEntry:
    """Describe the primitive that is imported as *import_path*, `module:Class`."""
    summary = (ast.get_docstring(definition.node) or "").strip().partition("\n")[0]
    name = import_path.rpartition(":")[2]
    return PrimitiveEntry(name, import_path, definition.module, summary, tuple(sorted(extras)))


def is_primitive(modules: SourceModules, definition: ClassDefinition) -> bool:
    """Tell whether the bases of a class lead to `WorkflowPrimitive`."""
    seen: set[tuple[str, str]] = set()
    waiting = [definition]
    while waiting:
        each = waiting.pop()
        identity = (each.module, each.node.name)
        if identity == _ROOT:
            return True
        if identity not in seen:
            seen.add(identity)
            waiting += [base for base in base_classes(modules, each) if base is not None]
    return False


def _public_names(modules: SourceModules, package: str) -> set[str]:
    tree = modules.tree(package)
    if tree is None:
        return set()
    for statement in tree.body:
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        named = any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)
        if named and isinstance(statement.value, ast.List | ast.Tuple):
            items = [item.value for item in statement.value.elts if isinstance(item, ast.Constant)]
            return {item for item in items if isinstance(item, str)}
    return {name for name in imported_names(modules, package) if not name.startswith("_")}
