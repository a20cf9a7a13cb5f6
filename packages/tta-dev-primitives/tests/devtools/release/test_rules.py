"""Each rule of the release check, by a workspace that breaks it and one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tta_dev_primitives.devtools.release.rules import Rule
from tta_dev_primitives.errors import ConfigurationError

from ..workspace.trees_here import make_unreadable  # noqa: TID252 - the tests are no package
from .bakeries import CHANGELOG, FROM_WORKSPACE, MATRIX, OVEN, TILL, findings

OVEN_FILE = "packages/oven/pyproject.toml"
OVEN_LOG = "packages/oven/CHANGELOG.md"
OVEN_INIT = "packages/oven/src/oven/__init__.py"
LINKS = (
    "\n[unreleased]: https://example.com/compare/v1.2.0...HEAD\n"
    "[1.2.0]: https://example.com/compare/v1.1.0...v1.2.0\n"
    "[1.1.0]: https://example.com/tags/v1.1.0\n"
)
PENDING = CHANGELOG.replace("## [1.2.0] - 2026-02-03\n", "")


def oven(old: str, new: str) -> dict[str, str | None]:
    assert old in OVEN
    return {OVEN_FILE: OVEN.replace(old, new)}


def log(old: str, new: str) -> dict[str, str | None]:
    assert old in CHANGELOG
    return {OVEN_LOG: CHANGELOG.replace(old, new)}


VERSIONS = {
    "dynamic": (
        oven('version = "1.2.0"', 'dynamic = ["version"]'),
        (Rule.MISSING_VERSION, f"{OVEN_FILE}:1", "oven writes no version"),
    ),
    "no-version": (
        oven('"1.2.0"', '"1.2-final"'),
        (Rule.BAD_VERSION, f"{OVEN_FILE}:3", "'1.2-final' is none that PEP 440 knows"),
    ),
    "local": (
        oven('"1.2.0"', '"1.2.0+mine"'),
        (Rule.UNFINISHED_VERSION, f"{OVEN_FILE}:3", "the local part mine"),
    ),
    "development": (
        oven('"1.2.0"', '"1.2.0.dev3"'),
        (Rule.UNFINISHED_VERSION, f"{OVEN_FILE}:3", "a development version"),
    ),
    "other-than-tag": (
        oven('"1.2.0"', '"1.3.0"'),
        (Rule.OTHER_VERSION, f"{OVEN_FILE}:3", "version 1.3.0, and the tag is v1.2.0"),
    ),
    "attribute": (
        {OVEN_INIT: 'x = 1\n__version__ = "1.1.0"\n'},
        (Rule.OTHER_ATTRIBUTE, f"{OVEN_INIT}:2", "oven.__version__ is '1.1.0'"),
    ),
    "attribute-elsewhere": (
        {
            OVEN_INIT: "from . import about\n\n__version__ = about.VERSION\n",
            "packages/oven/src/oven/about.py": '\nVERSION: str = "1.0"\n',
        },
        (Rule.OTHER_ATTRIBUTE, "packages/oven/src/oven/about.py:2", "is '1.0'"),
    ),
    "sibling-out-of-range": (
        {"packages/till/pyproject.toml": TILL.replace(">=1.2,<2", ">=2") + FROM_WORKSPACE},
        (Rule.SIBLING_OUT_OF_RANGE, "packages/till/pyproject.toml:11", "leaves out 1.2.0"),
    ),
    "sibling-without-range": (
        {"packages/till/pyproject.toml": TILL.replace(">=1.2,<2", "") + FROM_WORKSPACE},
        (Rule.SIBLING_WITHOUT_RANGE, "packages/till/pyproject.toml:11", "takes any version"),
    ),
    "builder-out-of-range": (
        {"packages/till/pyproject.toml": TILL + '[build-system]\nrequires = ["oven", "oven<1"]\n'},
        (Rule.SIBLING_OUT_OF_RANGE, "packages/till/pyproject.toml:13", "'oven<1' leaves out"),
    ),
    "builder-from-workspace": (
        {
            "packages/till/pyproject.toml": TILL
            + FROM_WORKSPACE.replace("oven", "Oven")
            + '[build-system]\nrequires = ["oven>=1"]\n'
        },
        (Rule.BUILDER_FROM_WORKSPACE, "packages/till/pyproject.toml:13", "is built with Oven"),
    ),
}
CHANGELOGS = {
    "none": (
        {OVEN_LOG: None},
        (Rule.MISSING_CHANGELOG, OVEN_LOG, "oven has no change log"),
    ),
    "no-unreleased": (
        log("## [Unreleased]\n", ""),
        (Rule.MISSING_UNRELEASED, f"{OVEN_LOG}:1", "no heading ## [Unreleased]"),
    ),
    "no-section": (
        {OVEN_LOG: PENDING},
        (Rule.MISSING_SECTION, f"{OVEN_LOG}:3", "no section of 1.2.0"),
    ),
    "section-in-code": (
        log("## [1.2.0] - 2026-02-03", "```text\n## [1.2.0] - 2026-02-03\n```"),
        (Rule.MISSING_SECTION, f"{OVEN_LOG}:3", "no section of 1.2.0"),
    ),
    "undated": (
        log(" - 2026-02-03", ""),
        (Rule.UNDATED_SECTION, f"{OVEN_LOG}:5", "has no date"),
    ),
    "dated-otherwise": (
        log("2026-02-03", "3.2.2026"),
        (Rule.UNDATED_SECTION, f"{OVEN_LOG}:5", "no day as 2026-01-31"),
    ),
    "no-such-day": (
        log("2026-02-03", "2026-02-30"),
        (Rule.UNDATED_SECTION, f"{OVEN_LOG}:5", "no day as 2026-01-31"),
    ),
    "empty": (
        log("- Bread.", "<!-- say\nwhat -->"),
        (Rule.EMPTY_SECTION, f"{OVEN_LOG}:5", "says nothing"),
    ),
    "older-above": (
        log("## [1.2.0]", "## [1.1.9] - 2026-02-02\n\n- Salt.\n\n## [1.2.0]"),
        (Rule.SECTION_ORDER, f"{OVEN_LOG}:9", "1.1.9 stands above 1.2.0"),
    ),
    "unreleased-below": (
        {OVEN_LOG: CHANGELOG.replace("## [Unreleased]\n", "") + "\n## [Unreleased]\n"},
        (Rule.SECTION_ORDER, f"{OVEN_LOG}:4", "stands above all"),
    ),
    "left-over": (
        log("## [Unreleased]\n", "## [Unreleased]\n\n- Salt.\n"),
        (Rule.LEFT_IN_UNRELEASED, f"{OVEN_LOG}:3", "something is under [Unreleased]"),
    ),
    "no-link": (
        {OVEN_LOG: CHANGELOG + LINKS.replace("[1.2.0]:", "[1.1.9]:")},
        (Rule.COMPARISON_LINK, f"{OVEN_LOG}:5", "[1.2.0] has no link"),
    ),
    "stale-unreleased-link": (
        {OVEN_LOG: CHANGELOG + LINKS.replace("v1.2.0...HEAD", "v1.1.0...HEAD")},
        (Rule.COMPARISON_LINK, f"{OVEN_LOG}:17", "compares v1.1.0...HEAD, not v1.2.0...HEAD"),
    ),
    "stale-link": (
        {OVEN_LOG: CHANGELOG + LINKS.replace("v1.1.0...v1.2.0", "v1.0.0...v1.1.0")},
        (Rule.COMPARISON_LINK, f"{OVEN_LOG}:18", "compares v1.0.0...v1.1.0, not ...v1.2.0"),
    ),
}
FILES = {
    "no-types": (
        {"packages/oven/src/oven/py.typed": None},
        (Rule.UNTYPED_PACKAGE, "packages/oven/src/oven/py.typed", "not published"),
    ),
    "no-licence": (
        {"packages/oven/LICENSE": None},
        (Rule.NO_LICENCE, f"{OVEN_FILE}:6", "no licence file"),
    ),
    "empty-licence": (
        {"packages/oven/LICENSE": ""},
        (Rule.NO_LICENCE, f"{OVEN_FILE}:6", "is empty"),
    ),
    "no-readme": (
        oven('readme = "README.md"\n', ""),
        (Rule.MISSING_README, f"{OVEN_FILE}:1", "names no readme"),
    ),
    "readme-gone": (
        {"packages/oven/README.md": None},
        (Rule.MISSING_README, f"{OVEN_FILE}:4", "'README.md' is not there"),
    ),
    "readme-of-no-kind": (
        {"packages/oven/README": "x\n", **oven('"README.md"', '"README"')},
        (Rule.README_TYPE, f"{OVEN_FILE}:4", "of no kind that indexes render"),
    ),
    "readme-of-another-kind": (
        oven('"README.md"', '{ file = "README.md", content-type = "text/x-rst" }'),
        (Rule.README_TYPE, f"{OVEN_FILE}:4", "renders it as something else"),
    ),
    "python-without-classifier": (
        oven('    "Programming Language :: Python :: 3.12",\n', ""),
        (Rule.PYTHON_NOT_CLASSIFIED, f"{OVEN_FILE}:7", "Python 3.12, which .github"),
    ),
    "python-without-test": (
        oven("3.12", "3.13"),
        (Rule.PYTHON_NOT_TESTED, f"{OVEN_FILE}:9", "Python 3.13, which no workflow"),
    ),
}
ALL = VERSIONS | CHANGELOGS | FILES


def test_sound_packages_can_be_released(tmp_path: Path) -> None:
    """A workspace with nothing wrong is not let through, so no rule below means anything."""
    assert findings(tmp_path, {}, "v1.2.0") == []


@pytest.mark.parametrize("case", ALL)
def test_mistake_is_told_with_its_place(tmp_path: Path, case: str) -> None:
    """The package goes out with this mistake, or the maintainer is sent to the wrong line."""
    changes, (rule, place, told) = ALL[case]
    found = [each for each in findings(tmp_path, dict(changes), "v1.2.0") if each.rule == rule]
    assert [each.place for each in found] == [place]
    assert told in found[0].message
    assert found[0].fix


def test_every_rule_about_packages_has_a_case() -> None:
    """A rule is added and nobody sees it find anything."""
    elsewhere = {Rule.NOT_NEWER, Rule.MISSING_NOTES, Rule.DIRTY_TREE, Rule.TAG_ELSEWHERE}
    assert {rule for _, (rule, _, _) in ALL.values()} | elsewhere == set(Rule)


@pytest.mark.parametrize(
    ("tag", "earlier", "told"),
    [
        ("v1.2.0", ("v1.1.0",), None),
        ("v1.2.0", ("v1.1.0", "v1.2.0"), None),
        ("v1.2.0", ("v1.3.0",), "1.3.0"),
        ("v1.2.0", ("oven-v1.2.0",), "1.2.0"),
        ("v1.2.0", ("v1.2.0rc1", "nightly", "till-v9"), None),
        ("v1.2.0", ("v1.10",), "1.10"),
        (None, ("v1.2.0",), None),
        (None, ("v1.2.1",), "1.2.1"),
    ],
    ids=["after", "itself", "newer", "same", "candidate", "by-number", "between", "behind"],
)
def test_version_comes_after_every_earlier_release(
    tmp_path: Path, tag: str | None, earlier: tuple[str, ...], told: str | None
) -> None:
    """A version is published a second time, or an older one after a newer one."""
    found = [each for each in findings(tmp_path, {}, tag, earlier) if each.rule == Rule.NOT_NEWER]
    of_oven = [each.message for each in found if each.place == f"{OVEN_FILE}:3"]
    assert [f"after {told}," in message for message in of_oven] == ([True] if told else [])


@pytest.mark.parametrize(
    ("changelog", "earlier", "rules"),
    [
        (PENDING.replace("## [Unreleased]\n", "## [Unreleased]\n\n- New.\n"), "v1.1.0", []),
        (CHANGELOG, "v1.1.0", []),
        ("# Changelog\n\n## [Unreleased]\n", "v1.1.0", [Rule.MISSING_NOTES]),
        ("# Changelog\n\n## [Unreleased]\n", "v1.2.0", []),
    ],
    ids=["pending-under-unreleased", "section-written", "nothing-written", "nothing-pending"],
)
def test_without_a_tag_the_notes_may_still_be_under_unreleased(
    tmp_path: Path, changelog: str, earlier: str, rules: list[Rule]
) -> None:
    """CI fails on every commit between two releases, or a new version is told nowhere."""
    found = findings(tmp_path, {OVEN_LOG: changelog}, None, (earlier,))
    assert [each.rule for each in found] == rules


def test_tag_of_one_package_leaves_the_others_alone(tmp_path: Path) -> None:
    """A package cannot be released by itself while another one is not ready."""
    changes: dict[str, str | None] = {"packages/till/CHANGELOG.md": None}
    assert findings(tmp_path, changes, "oven-v1.2.0") == []
    assert {each.rule for each in findings(tmp_path, changes, "till-v1.2.0")} == {
        Rule.MISSING_CHANGELOG
    }


@pytest.mark.parametrize(
    "lines",
    ['"Private :: Do Not Upload"]', "]\n[tool.uv]\npackage = false"],
    ids=["classifier", "no-package"],
)
def test_member_that_is_not_published_needs_nothing(tmp_path: Path, lines: str) -> None:
    """An app beside the packages is asked for a change log."""
    text = f'[project]\nname = "app"\nversion = "0"\nclassifiers = [{lines}\n'
    assert findings(tmp_path, {"packages/app/pyproject.toml": text}, "v1.2.0") == []


@pytest.mark.parametrize(
    "name", [OVEN_LOG, ".github/workflows/checks.yml"], ids=["change-log", "workflow"]
)
def test_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """A release is held up by the number of an error, or by advice on the wrong thing."""
    (tmp_path / name).parent.mkdir(parents=True)
    make_unreadable(tmp_path / name)
    with pytest.raises(ConfigurationError, match=rf"^cannot read {name}: .*; let it be read"):
        findings(tmp_path, {name: None})


@pytest.mark.parametrize(("backend", "offers"), [("hatchling.build", True), ("uv_build", False)])
def test_ranges_are_filled_in_only_by_hatchling(tmp_path: Path, backend: str, offers: bool) -> None:
    """A package that uv_build builds is sent to a hook that it cannot have."""
    built = f'[build-system]\nrequires = []\nbuild-backend = "{backend}"\n'
    text = TILL.replace(">=1.2,<2", "") + FROM_WORKSPACE + built
    [found] = findings(tmp_path, {"packages/till/pyproject.toml": text}, None, ("v1.2.0",))
    assert found.fix.startswith("write oven>=1.2,<2")
    assert ("[tool.hatch.metadata.hooks.tta]" in found.fix) == offers


def test_links_that_compare_the_right_versions_are_fine(tmp_path: Path) -> None:
    """A change log that is right in every detail is refused."""
    assert findings(tmp_path, {OVEN_LOG: CHANGELOG + LINKS}, "v1.2.0") == []


def test_change_log_of_the_root_serves_packages_without_one(tmp_path: Path) -> None:
    """A project with one change log for all is told to write more."""
    logs: dict[str, str | None] = {OVEN_LOG: None, "packages/till/CHANGELOG.md": None}
    assert findings(tmp_path, {**logs, "CHANGELOG.md": CHANGELOG}, "v1.2.0") == []


@pytest.mark.parametrize(
    "workflow",
    [
        "python-version: ['3.11', '3.12']  # not 3.13\n",
        'python:\n  - "3.11"\n  - 3.12\nother: ["3.13"]\n',
        'python: ["3.11", "3.12", "3.15-dev", "3.14t"]\n',
        'python: ["3.10", "3.11", "3.12"]\n',
        'python: ["3.11", "3.12"]\n---\npython: "3.13"\n',
    ],
    ids=["inline", "block", "not-released", "below-the-floor", "single"],
)
def test_list_of_pythons_is_read_however_it_is_written(tmp_path: Path, workflow: str) -> None:
    """The classifiers are right, and the check does not see what the matrix tests."""
    assert findings(tmp_path, {".github/workflows/checks.yml": workflow}, "v1.2.0") == []


def test_pythons_are_left_alone_where_no_workflow_lists_any(tmp_path: Path) -> None:
    """A project whose CI lives elsewhere is told that it tests nothing."""
    changes: dict[str, str | None] = {".github/workflows/checks.yml": "on: push\n"}
    assert findings(tmp_path, {**changes, **oven("3.12", "3.14")}, "v1.2.0") == []
    assert findings(tmp_path, {".github/workflows/checks.yml": MATRIX}, "v1.2.0") == []
