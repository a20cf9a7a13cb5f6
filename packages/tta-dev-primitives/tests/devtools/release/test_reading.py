"""Tags, change logs and `__version__` as they are written by people."""

from __future__ import annotations

from pathlib import Path

import pytest

from tta_dev_primitives.devtools.release.changelog import ChangelogError, read_changelog
from tta_dev_primitives.devtools.release.notes import release_notes
from tta_dev_primitives.devtools.release.packages import published_packages
from tta_dev_primitives.devtools.release.tags import ReleaseTagError, read_tag
from tta_dev_primitives.devtools.release.version_attribute import version_attribute
from tta_dev_primitives.devtools.release.versions import version_of
from tta_dev_primitives.devtools.workspace.members import read_workspace

from ..workspace.trees_here import write_tree  # noqa: TID252 - the tests are no package
from .bakeries import CHANGELOG, bakery


@pytest.mark.parametrize(
    ("given", "package", "version"),
    [
        ("v1.2.3", None, "1.2.3"),
        ("refs/tags/v1.2.3rc1", None, "1.2.3rc1"),
        ("Bread_Oven-v0.2", "bread-oven", "0.2"),
        ("oven-v2-v1.0", "oven-v2", "1.0"),
    ],
    ids=["all", "ref", "one", "name-with-a-v"],
)
def test_tag_says_what_is_released(given: str, package: str | None, version: str) -> None:
    """A tag that everybody understands is taken for something else."""
    tag = read_tag(given)
    assert (tag.package, str(tag.version)) == (package, version)


@pytest.mark.parametrize("given", ["1.2.3", "v", "vnext", "latest", "", "oven-1.2.3", "v1.2 3"])
def test_other_tags_are_refused_with_the_form(given: str) -> None:
    """Somebody releases a tag by the name `latest`."""
    with pytest.raises(ReleaseTagError, match="write one such as v1") as caught:
        read_tag(given)
    assert caught.value.tag == given


def test_tag_of_no_package_names_the_one_that_was_meant(tmp_path: Path) -> None:
    """A slip in the name releases nothing, and says nothing."""
    workspace = read_workspace(write_tree(tmp_path, bakery()))
    with pytest.raises(ReleaseTagError, match=r"did you mean oven-v1\.2\.0\?"):
        published_packages(workspace, read_tag("ovan-v1.2.0"))


@pytest.mark.parametrize(
    "heading",
    [
        "## [1.2.0] - 2026-02-03",
        "## 1.2 (2026-02-03)",
        "## v1.2.0 2026-02-03",
        "## [1.2.0](https://example.com/1.2.0) - 2026-02-03  ",
        "##\t[1.2.0] - 2026-02-03 [YANKED]",
    ],
)
def test_section_is_found_however_its_heading_is_written(tmp_path: Path, heading: str) -> None:
    """The section is there, and the check says that it is not."""
    path = tmp_path / "CHANGELOG.md"
    path.write_text(f"# Log\n\n{heading}\n\n- Bread.\n\n## 1.1\n\n- Salt.\n", encoding="utf-8")
    version = version_of("1.2.0")
    assert version is not None
    section = read_changelog(path, "CHANGELOG.md").section(version)
    assert section is not None
    assert (section.line, section.body.strip()) == (3, "- Bread.")


def test_change_log_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A file in another encoding ends in a traceback."""
    (tmp_path / "CHANGELOG.md").write_bytes(b"\xff\xfe# Log")
    with pytest.raises(ChangelogError, match=r"cannot read CHANGELOG\.md: it is not UTF-8"):
        read_changelog(tmp_path / "CHANGELOG.md", "CHANGELOG.md")


def test_notes_bring_the_links_that_they_use(tmp_path: Path) -> None:
    """On the page of the release a reference to a link is left as brackets."""
    own = CHANGELOG.replace("- Bread.", "- Bread, see [the guide][Guide].")
    links = "\n[1.2.0]: https://example.com/1.2.0\n[guide]: https://example.com/guide\n"
    write_tree(tmp_path, bakery() | {"packages/oven/CHANGELOG.md": own + links})
    notes = release_notes(read_workspace(tmp_path), read_tag("oven-v1.2.0"))
    assert notes == (
        "### Added\n\n- Bread, see [the guide][Guide].\n\n[guide]: https://example.com/guide\n"
    )


def test_notes_of_several_packages_have_their_names(tmp_path: Path) -> None:
    """Nobody can tell which package a line is about."""
    write_tree(tmp_path, bakery())
    notes = release_notes(read_workspace(tmp_path), read_tag("v1.2.0"))
    assert notes == "## oven\n\n### Added\n\n- Bread.\n\n## till\n\n### Added\n\n- Bread.\n"


def test_notes_of_a_version_that_is_not_there_are_refused(tmp_path: Path) -> None:
    """The page of the release is empty."""
    write_tree(tmp_path, bakery())
    with pytest.raises(ChangelogError, match=r"oven/CHANGELOG\.md has no section of 7\.0"):
        release_notes(read_workspace(tmp_path), read_tag("v7.0"))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"__init__.py": '__version__ = "1"\n__version__ = "2"\n'}, ("__init__.py", 2, "2")),
        ({"__init__.py": 'V = "1"\n__version__: str = V\n'}, ("__init__.py", 1, "1")),
        (
            {"__init__.py": "from ._v import __version__\n", "_v.py": '__version__ = "1"\n'},
            ("_v.py", 1, "1"),
        ),
        (
            {"__init__.py": "from pie._v import V as __version__\n", "_v.py": '\nV = "1"\n'},
            ("_v.py", 2, "1"),
        ),
        (
            {"__init__.py": "from . import v as w\n__version__ = w.V\n", "v.py": 'V = "1"\n'},
            ("v.py", 1, "1"),
        ),
        ({"__init__.py": "__version__ = version('pie')\n"}, None),
        ({"__init__.py": "from other import __version__\n"}, None),
        ({"__init__.py": "from ._gone import __version__\n"}, None),
        ({"__init__.py": "__version__ = 1 +\n"}, None),
        ({"__init__.py": ""}, None),
    ],
    ids=[
        "last-counts", "through-a-name", "from-a-module", "absolute", "attribute-of-a-module",
        "at-run-time", "of-another-package", "gone", "broken", "none",
    ],
)  # fmt: skip
def test_version_attribute_is_read_and_not_run(
    tmp_path: Path, files: dict[str, str], expected: tuple[str, int, str] | None
) -> None:
    """The package says one version and its code another, and nobody notices."""
    package = write_tree(tmp_path / "pie", files)
    found = version_attribute(package)
    assert (found and (found.path.name, found.line, found.text)) == expected
