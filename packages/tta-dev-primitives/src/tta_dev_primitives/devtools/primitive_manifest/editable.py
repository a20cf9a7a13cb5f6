"""The source tree behind an editable install, which holds no manifest of its own."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .declared_extras import declared_extras
from .entries import ManifestError, PrimitiveEntry
from .public_primitives import public_primitives
from .source_modules import SourceModules
from .tables import table_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import Distribution


def project_folder(distribution: Distribution) -> Path | None:
    """Return the folder that an editable install points to, None for any other install."""
    text = distribution.read_text("direct_url.json")
    try:
        told: object = json.loads(text or "null")
    except ValueError:
        return None  # written by an installer, and of no use to anybody
    url = table_at({"told": told}, "told").get("url")
    if not table_at(told, "dir_info").get("editable") or not isinstance(url, str):
        return None
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def primitives_of_source(distribution: Distribution, project: Path) -> list[PrimitiveEntry]:
    """Read the primitives of an editable install from the files it runs.

    Raises:
        ManifestError: The project is gone, or a file of it does not parse.
    """
    try:
        pyproject = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        wrong = f"cannot be read: {error}; install {distribution.name} again"
        raise ManifestError(str(project / "pyproject.toml"), wrong) from error
    known = table_at(pyproject, "project", "optional-dependencies")
    extras = declared_extras(pyproject, known)
    found: list[PrimitiveEntry] = []
    for folder in _packages(distribution, project):
        found += public_primitives(SourceModules(folder), folder.name, extras)
    return sorted(found)


def _packages(distribution: Distribution, project: Path) -> Iterator[Path]:
    """Yield the import packages of a project: those where its `.pth` file points to."""
    own_name = distribution.name.replace("-", "_").replace(".", "_").lower()
    for root in _import_roots(distribution) or [project / "src", project]:
        for file in sorted(root.glob("*/__init__.py")):
            # Beside the project's own package lie its tests and much else.
            if root != project or file.parent.name.lower() == own_name:
                yield file.parent


def _import_roots(distribution: Distribution) -> list[Path]:
    roots: list[Path] = []
    for file in distribution.files or []:
        if file.suffix == ".pth":
            try:
                lines = Path(str(file.locate())).read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError):
                continue  # the folders below the project are looked at instead
            roots += [Path(line) for line in lines if line and Path(line).is_dir()]
    return roots
