"""What primitives need beyond their package, as its `pyproject.toml` declares it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .entries import ManifestError
from .tables import is_list, table_at

if TYPE_CHECKING:
    from collections.abc import Collection


def declared_extras(pyproject: object, known: Collection[str]) -> dict[str, list[str]]:
    """Read `[tool.tta.primitives.extras]`: a list of extras by the primitive's name.

    Args:
        pyproject: The parsed file.
        known: The extras that the package has.

    Raises:
        ManifestError: A value is no list, or names an extra that the package lacks.
    """
    found: dict[str, list[str]] = {}
    place = "pyproject.toml: [tool.tta.primitives.extras]"
    for name, extras in table_at(pyproject, "tool", "tta", "primitives", "extras").items():
        if not is_list(extras):
            raise ManifestError(place, f"gives {name} {extras!r}; write a list: {name} = [...]")
        found[name] = [str(extra) for extra in extras]
        unknown = [extra for extra in found[name] if extra not in known]
        if unknown:
            there = ", ".join(sorted(known)) or "none"
            raise ManifestError(place, f"gives {name} the extra {unknown[0]!r}; there is: {there}")
    return found
