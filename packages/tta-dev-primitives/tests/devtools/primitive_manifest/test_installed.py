"""What `tta list` finds: manifests, editable sources and entry points, and nothing is imported."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.primitive_manifest.entries import (
    PLACE,
    PrimitiveEntry,
    write_manifest,
)
from tta_dev_primitives.devtools.primitive_manifest.installed import (
    OWN_DISTRIBUTION,
    installed_primitives,
)

SOURCE = '''from tta_dev_primitives import WorkflowPrimitive
raise SystemExit("imported")
class Shout(WorkflowPrimitive[str, str]):
    """Say it louder."""
'''


class Site:
    """A folder on `sys.path` that packages are installed into by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, files: dict[str, str], version: str = "1.0") -> None:
        """Lay the files of a distribution's .dist-info."""
        place = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
        for path, text in {"METADATA": metadata, **files}.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text, encoding="utf-8")

    def install_editable(self, name: str, project: Path, requires: str = OWN_DISTRIBUTION) -> None:
        """Point a distribution to its project, as uv and pip do."""
        self.install(
            name,
            {
                "METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n"
                f"Requires-Dist: {requires}\n",
                "direct_url.json": json.dumps(
                    {"url": project.as_uri(), "dir_info": {"editable": True}}
                ),
                "RECORD": f"_{name}.pth,,\n",
            },
        )
        (self.folder / f"_{name}.pth").write_text(f"{project / 'src'}\n", encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return Site(folder)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The source tree of a package that is installed in editable form."""
    package = tmp_path / "project" / "src" / "acme"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "project" / "pyproject.toml").write_text(
        '[project]\nname = "acme"\noptional-dependencies = { loud = [] }\n'
        '[tool.tta.primitives.extras]\nShout = ["loud"]\n',
        encoding="utf-8",
    )
    return tmp_path / "project"


def of(name: str) -> list[PrimitiveEntry]:
    """List what a package publishes; nothing else may be wrong."""
    found = installed_primitives()
    assert found.problems == []
    return [entry for package, entry in found.entries if package == name]


ENTRY = PrimitiveEntry("Shout", "acme:Shout", "acme.loud", "Say it louder.", ("loud",))


def test_manifest_of_a_wheel_is_read(site: Site) -> None:
    """An installed package is listed though none of its code is there."""
    site.install("acme", {PLACE: write_manifest([ENTRY])})
    assert of("acme") == [ENTRY]


def test_editable_package_is_read_from_its_source(site: Site, project: Path) -> None:
    """In a workspace a new primitive shows up without a build, and is not imported."""
    site.install_editable("acme", project)
    assert of("acme") == [
        PrimitiveEntry("Shout", "acme:Shout", "acme", "Say it louder.", ("loud",))
    ]
    assert "acme" not in sys.modules


def test_editable_package_without_path_file_is_found_by_its_folder(
    site: Site, project: Path
) -> None:
    """Where an installer wrote no .pth file, the src folder of the project is looked at."""
    site.install_editable("acme", project)
    (site.folder / "_acme.pth").unlink()
    assert [entry.name for entry in of("acme")] == ["Shout"]


def test_flat_project_lists_no_tests(site: Site, project: Path) -> None:
    """Beside a package without src folder lies much that nobody publishes."""
    (project / "src" / "acme").rename(project / "acme")
    (project / "src").rmdir()
    (project / "tests").mkdir()
    (project / "tests" / "__init__.py").write_text(SOURCE)
    site.install_editable("acme", project)
    assert [entry.import_path for entry in of("acme")] == ["acme:Shout"]


def test_editable_package_that_is_no_user_of_ours_is_left_alone(site: Site, project: Path) -> None:
    """Nobody waits for the source of every package in a big environment."""
    (project / "src" / "acme" / "__init__.py").write_text("this does not parse")
    site.install_editable("acme", project, requires="httpx2")
    assert of("acme") == []


def test_entry_point_publishes_a_primitive(site: Site) -> None:
    """A package that is built by something else is listed as well."""
    (site.folder / "acme").mkdir()
    (site.folder / "acme" / "__init__.py").write_text(SOURCE)
    site.install("acme", {"entry_points.txt": "[tta.primitives]\nshout = acme:Shout\n"})
    assert of("acme") == [PrimitiveEntry("Shout", "acme:Shout", "acme", "Say it louder.")]
    assert "acme" not in sys.modules


def test_entry_point_and_manifest_are_one_primitive(site: Site) -> None:
    """A package that does both is not listed twice."""
    points = "[tta.primitives]\nshout = acme:Shout\n"
    site.install("acme", {PLACE: write_manifest([ENTRY]), "entry_points.txt": points})
    assert of("acme") == [ENTRY]


def test_first_on_the_path_counts(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is listed is what would be imported."""
    hidden = PrimitiveEntry("Hidden", "acme:Hidden", "acme", "")
    site.install("acme", {PLACE: write_manifest([hidden])})
    shadowing = tmp_path / "before"
    shadowing.mkdir()
    monkeypatch.syspath_prepend(str(shadowing))
    Site(shadowing).install("Acme", {PLACE: write_manifest([ENTRY])})
    assert (of("Acme"), of("acme")) == ([ENTRY], [])


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({PLACE: "{"}, "acme: extra_metadata/primitives.json is not JSON"),
        ({"entry_points.txt": "[tta.primitives]\nshout = acme_gone:Shout\n"}, "acme_gone:Shout"),
        (
            {"direct_url.json": '{"url": "file:///nowhere/acme", "dir_info": {"editable": true}}',
             "METADATA": f"Name: acme\nVersion: 1\nRequires-Dist: {OWN_DISTRIBUTION}>=0.2\n"},
            "cannot be read",
        ),
    ],
    ids=["torn-manifest", "entry-point-to-nowhere", "project-is-gone"],
)  # fmt: skip
def test_broken_package_is_told_and_hides_no_other(
    site: Site, files: dict[str, str], told: str
) -> None:
    """One bad package does not take the list away."""
    site.install("acme", files)
    found = installed_primitives()
    [problem] = found.problems
    assert told in problem
    assert "acme" in problem
    assert any(package == OWN_DISTRIBUTION for package, _ in found.entries)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"url": 3}', '{"url": "https://x/y", "dir_info": {"editable": true}}'],
    ids=["torn", "list", "number", "remote"],
)  # fmt: skip
def test_odd_direct_url_is_no_editable_install(site: Site, text: str) -> None:
    """What some installer wrote does not stop the list."""
    site.install("acme", {"direct_url.json": text})
    assert of("acme") == []


def test_our_own_come_first(site: Site) -> None:
    """The list begins with what everybody has."""
    site.install("aaa", {PLACE: write_manifest([ENTRY])})
    packages = [package for package, _ in installed_primitives().entries]
    assert packages == sorted(packages, key=lambda each: (each != OWN_DISTRIBUTION, each))
    assert "aaa" in packages
