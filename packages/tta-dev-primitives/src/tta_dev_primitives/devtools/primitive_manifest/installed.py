"""The primitives of every package in this environment, found without importing one."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import distributions, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .definitions import find_class
from .editable import primitives_of_source, project_folder
from .entries import PLACE, ManifestError, PrimitiveEntry, read_manifest
from .public_primitives import entry_of, public_primitives
from .source_modules import SourceModules

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

ENTRY_POINT_GROUP: Final = "tta.primitives"
OWN_DISTRIBUTION: Final = "tta-dev-primitives"
_OWN_FOLDER: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class InstalledPrimitives:
    """What is there, and what is there but cannot be read.

    Attributes:
        entries: The primitives with the distribution that brings each; our own come first, then
            by distribution and name.
        problems: One line each.
    """

    entries: list[tuple[str, PrimitiveEntry]] = field(
        default_factory=list[tuple[str, PrimitiveEntry]]
    )
    problems: list[str] = field(default_factory=list[str])


def installed_primitives() -> InstalledPrimitives:
    """List the primitives that the installed packages publish.

    A package is asked in this order: the manifest in its wheel; its source, where it is installed
    in editable form and requires tta-dev-primitives; the entry points of the group
    `tta.primitives`. None of its code runs, and one broken package hides no other.
    """
    found = InstalledPrimitives()
    seen: set[str] = set()
    listed: set[str] = set()
    for distribution in distributions():
        try:
            entries = _published(distribution)
            if entries is None or _normal(distribution.name) in seen:
                continue  # the first on sys.path is the one that would be imported
            seen.add(_normal(distribution.name))
        except ManifestError as error:
            found.problems.append(str(error))
            continue
        found.entries.extend((distribution.name, entry) for entry in entries)
        listed.update(entry.import_path for entry in entries)
    if OWN_DISTRIBUTION not in seen:  # it runs from a folder that nobody installed
        entries = public_primitives(SourceModules(_OWN_FOLDER), _OWN_FOLDER.name, {})
        found.entries.extend((OWN_DISTRIBUTION, entry) for entry in entries)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.value not in listed:
            _add_entry_point(found, point)
    found.entries.sort(key=lambda entry: (entry[0] != OWN_DISTRIBUTION, *entry))
    found.problems.sort()
    return found


def _published(distribution: Distribution) -> list[PrimitiveEntry] | None:
    """Read what a package publishes, None where it says nothing about primitives."""
    manifest = distribution.read_text(PLACE)
    if manifest is not None:
        return read_manifest(manifest, f"{distribution.name}: {PLACE}")
    project = project_folder(distribution)
    if project is None or not _may_publish(distribution):
        return None
    return primitives_of_source(distribution, project)


def _may_publish(distribution: Distribution) -> bool:
    if _normal(distribution.name) == OWN_DISTRIBUTION:
        return True
    return any(_normal(line).startswith(OWN_DISTRIBUTION) for line in distribution.requires or [])


def _add_entry_point(found: InstalledPrimitives, point: EntryPoint) -> None:
    name = "a package" if point.dist is None else point.dist.name
    module, _, attribute = point.value.partition(":")
    try:
        definition = find_class(SourceModules(), module, attribute)
    except ManifestError as error:
        found.problems.append(str(error))
        return
    if definition is None:
        problem = (
            f"{name}: the entry point {point.name!r} names {point.value}, which no source defines"
        )
        found.problems.append(f"{problem}; install {name} again or tell its maintainers")
        return
    found.entries.append((name, entry_of(definition, point.value, point.extras)))


def _normal(name: str) -> str:
    return name.replace("_", "-").replace(".", "-").lower()
