"""Read the name that a requirement begins with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .members import normal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .pyproject import Pyproject
    from .toml_positions import Keys

_NAME: Final = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


def required_name(requirement: str) -> str | None:
    """Return the normalised name of the package that is required, None where there is none."""
    found = _NAME.match(requirement)
    return normal(found[1]) if found else None


def requirements_of(pyproject: Pyproject) -> Iterator[tuple[Keys, str]]:
    """List every requirement that a file states, with its path: dependencies, extras, groups."""
    homes: list[Keys] = [("project", "dependencies")]
    homes += [
        ("project", "optional-dependencies", extra)
        for extra in pyproject.table("project", "optional-dependencies")
    ]
    homes += [("dependency-groups", group) for group in pyproject.table("dependency-groups")]
    homes.append(("tool", "uv", "dev-dependencies"))
    for home in homes:
        for index, item in enumerate(pyproject.items(*home)):
            if isinstance(item, str):
                yield (*home, index), item
