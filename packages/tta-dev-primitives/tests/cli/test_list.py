"""`tta list`: what is printed of the installed primitives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.devtools.primitive_manifest.entries import (
    PLACE,
    PrimitiveEntry,
    write_manifest,
)

ENTRY = PrimitiveEntry("Shout", "acme:Shout", "acme.loud", "Say it louder.", ("loud",))


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The manifest of an installed package `acme`."""
    place = tmp_path / "site" / "acme-1.0.dist-info"
    file = place / PLACE
    file.parent.mkdir(parents=True)
    (place / "METADATA").write_text("Metadata-Version: 2.4\nName: acme\nVersion: 1.0\n")
    file.write_text(write_manifest([ENTRY]))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return file


@pytest.mark.usefixtures("manifest")
def test_primitives_of_other_packages_are_listed_for_programs(tta: Any) -> None:
    """A tool finds out what can be imported, from where, and what to install for it."""
    rows = json.loads(tta("list", "--json").out)
    [shout] = [row for row in rows if row["package"] == "acme"]
    assert shout == {
        "name": "Shout",
        "module": "acme.loud",
        "summary": "Say it louder.",
        "package": "acme",
        "import_path": "acme:Shout",
        "extras": ["loud"],
    }


@pytest.mark.usefixtures("manifest")
def test_table_names_the_package_of_each(tta: Any) -> None:
    """A reader sees which package to add."""
    [line] = [line for line in tta("list").out.splitlines() if "Say it louder." in line]
    assert line.split()[0] == "Shout"
    assert line.split()[-1] == "acme"


def test_broken_package_is_a_complaint_and_the_rest_is_listed(tta: Any, manifest: Path) -> None:
    """The exit code says that something is missing in the list."""
    manifest.write_text("{")
    ended = tta("list", "--json")
    assert ended.code == 1
    assert "acme: extra_metadata/primitives.json is not JSON" in ended.complaint
    assert "RetryPrimitive" in {row["name"] for row in json.loads(ended.out)}


def test_summary_of_a_stranger_is_only_text(tta: Any, manifest: Path) -> None:
    """It neither breaks the table as markup nor moves the cursor."""
    odd = PrimitiveEntry("Shout", "acme:Shout", "acme", "[/red] \x1b[2J [bold]loud")
    manifest.write_text(write_manifest([odd]))
    ended = tta("list")
    [line] = [line for line in ended.out.splitlines() if line.strip().startswith("Shout ")]
    assert "[/red]" in line
    assert "[bold]loud" in line
    assert "\x1b" not in ended.out
