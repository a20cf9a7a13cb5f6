"""The manifest of a package's primitives, `primitives.json`: its entries, written and read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import ConfigurationError

from .tables import is_list, is_table

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE_NAME: Final = "primitives.json"
# Below the folder *.dist-info of an installed package, where it is found without knowing what the
# package is called when imported.
PLACE: Final = f"extra_metadata/{FILE_NAME}"
FORMAT: Final = 1


class ManifestError(ConfigurationError):
    """Raised for a manifest, a source or an entry point that tells no primitives.

    Attributes:
        place: The file, or the package and what it named.
    """

    def __init__(self, place: str, wrong: str) -> None:
        super().__init__(f"{place} {wrong}")
        self.place = place


@dataclass(frozen=True, slots=True, order=True)
class PrimitiveEntry:
    """One primitive that a package publishes.

    Attributes:
        name: The class.
        import_path: Where users import it from: `package:Class`.
        module: Where it is defined, which may change.
        summary: The first line of its docstring.
        extras: What it needs beyond the package itself.
    """

    name: str
    import_path: str
    module: str
    summary: str
    extras: tuple[str, ...] = ()


def write_manifest(entries: Iterable[PrimitiveEntry]) -> str:
    """Write a manifest; the same entries give the same text, whatever their order."""
    rows = [asdict(entry) for entry in sorted(entries)]
    return json.dumps({"format": FORMAT, "primitives": rows}, indent=2, ensure_ascii=False) + "\n"


def read_manifest(text: str, place: str) -> list[PrimitiveEntry]:
    """Read the manifest found at *place*.

    Raises:
        ManifestError: It is no manifest, or one of a later format.
    """
    try:
        manifest: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(place, f"is not JSON: {error}; install the package again") from error
    found = manifest.get("format") if is_table(manifest) else None
    if isinstance(found, int) and found > FORMAT:
        wrong = f"has format {found}, and format {FORMAT} is read here; upgrade tta-dev-primitives"
        raise ManifestError(place, wrong)
    rows = manifest.get("primitives") if is_table(manifest) else None
    if not is_list(rows):
        raise ManifestError(place, "has no list of primitives; install the package again")
    return sorted(_entry(row, f"{place}: primitive {number}") for number, row in enumerate(rows))


def _entry(row: object, place: str) -> PrimitiveEntry:
    texts: list[str] = []
    for key in ("name", "import_path", "module", "summary"):
        value = row.get(key) if is_table(row) else None
        if not isinstance(value, str):
            raise ManifestError(place, f"has no text {key!r}; install the package again")
        texts.append(value)
    extras = row.get("extras") if is_table(row) else None
    if not is_list(extras):
        raise ManifestError(place, "has no list 'extras'; install the package again")
    name, import_path, module, summary = texts
    return PrimitiveEntry(name, import_path, module, summary, tuple(map(str, extras)))
