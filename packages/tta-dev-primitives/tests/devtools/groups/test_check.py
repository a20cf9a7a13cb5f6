"""The whole check of groups: what is named, what is used, and what uv can install."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.groups.check import Report, check_groups
from tta_dev_primitives.devtools.groups.rules import Rule
from tta_dev_primitives.devtools.workspace.asking_uv import UvError
from tta_dev_primitives.devtools.workspace.pyproject import PyprojectError

from ..workspace.trees_here import (  # noqa: TID252 - the tests are no package with a name
    LISTED,
    NOT_BUILT,
    ONE,
    SOUND,
    make_unreadable,
    run_uv,
    write_tree,
    write_wheel,
)

pytest.importorskip("dependency_groups", reason="needs the extra workspace")

ROOT = LISTED + '[dependency-groups]\ndev = []\nlint = [{ include-group = "dev" }]\n'
EXTRAS = ONE + "[project.optional-dependencies]\nfast = []\n" + NOT_BUILT
TREE = SOUND | {
    "pyproject.toml": ROOT,
    "packages/one/pyproject.toml": EXTRAS,
    ".github/workflows/ci.yml": "- run: uv sync --group lint\n",
}


def checked(tmp_path: Path, changes: dict[str, str] | None = None) -> Report:
    """Check a workspace after some changes, with a lock where uv can make one."""
    write_tree(tmp_path, TREE | (changes or {}))
    run_uv(tmp_path, "lock")
    return check_groups(tmp_path)


def test_sound_groups_are_clean(tmp_path: Path, own_uv: None) -> None:
    """The tree that the other tests change has no finding of its own."""
    report = checked(tmp_path)
    assert report.findings == ()
    assert report.summary == "clean: 2 groups and 1 extras, named 1 times in 1 files"


def test_page_that_cannot_be_read_is_refused(tmp_path: Path, own_uv: None) -> None:
    """A group seems to be unused, because the page that names it could not be read."""
    write_tree(tmp_path, TREE)
    make_unreadable(tmp_path / "README.md")
    with pytest.raises(PyprojectError, match=r"^cannot read README\.md: .*; let it be read"):
        check_groups(tmp_path)


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        (".github/workflows/ci.yml", "uv sync --group lint --group gone", Rule.UNKNOWN_GROUP),
        (".vscode/tasks.json", '{"command": "uv sync --extra gone"}', Rule.UNKNOWN_EXTRA),
        ("docs/deep/page.md", "`uv run --package gone pytest`", Rule.UNKNOWN_PACKAGE),
        ("packages/one/README.md", "uv sync --package two --extra fast", Rule.UNKNOWN_EXTRA),
        ("docs/page.md", "uv tree --package gone", Rule.UNKNOWN_PACKAGE),
        (".ci/run", "pip install --group gone", Rule.UNKNOWN_GROUP),
    ],
    ids=["workflow", "task", "page", "extra-of-another", "tree", "pip"],
)
def test_name_that_does_not_exist_is_told(
    tmp_path: Path, own_uv: None, path: str, text: str, rule: Rule
) -> None:
    """A renamed group breaks the page that nobody has run for a year."""
    extra = "\n- run: uv sync --group lint" if path != ".github/workflows/ci.yml" else ""
    [finding] = checked(tmp_path, {path: text + extra if "workflows" in path else text}).findings
    assert (finding.rule, finding.place) == (rule, f"{path}:1")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("docs/page.md", "uv sync --group LINT_ --extra Fast --package One"),
        ("docs/page.md", "uv add --package two --group new six"),
        ("CHANGELOG.md", "- `uv sync --group gone` is gone"),
        ("src/code.py", "uv sync --group gone"),
        ("docs/page.md", "uv tree --package six"),
    ],
    ids=["spelling", "created", "history", "code", "locked"],
)
def test_name_that_is_right_is_left_in_peace(
    tmp_path: Path, own_uv: None, path: str, text: str
) -> None:
    """Spelling, history, and names that a command is about to make are no mistakes."""
    write_wheel(tmp_path / "wheels", "six", "1.0")
    root = ROOT.replace("dev = []", 'dev = ["six"]') + '[tool.uv]\nfind-links = ["wheels"]\n'
    changes = {path: text.replace("LINT_", "Lint"), "pyproject.toml": root}
    assert checked(tmp_path, changes).findings == ()


def test_settings_name_examples_and_files_to_skip(tmp_path: Path, own_uv: None) -> None:
    """A page may speak of a project that is made up."""
    pages = {"docs/new.md": "uv run --package acme six", "docs/old.md": "uv sync --group gone"}
    assert len(checked(tmp_path, pages).findings) == 2
    settings = '[tool.tta.groups]\nexamples = ["Acme"]\nskip = ["docs/old*"]\n'
    write_tree(tmp_path, {"pyproject.toml": ROOT + settings})
    assert check_groups(tmp_path).findings == ()


@pytest.mark.parametrize(
    ("defaults", "page", "expected"),
    [
        ("", "", ["lint"]),
        ("", "uv sync --group lint", []),
        ("", "uv sync --all-groups", []),
        ('[tool.uv]\ndefault-groups = ["lint"]\n', "", []),
        ('[tool.uv]\ndefault-groups = "all"\n', "", []),
    ],
    ids=["nobody", "named", "all-groups", "default", "all-default"],
)
def test_group_that_nothing_uses_is_told(
    tmp_path: Path, own_uv: None, defaults: str, page: str, expected: list[str]
) -> None:
    """A group that no command names is one that nobody finds."""
    changes = {
        ".github/workflows/ci.yml": "",
        "pyproject.toml": ROOT + defaults,
        "docs/page.md": page,
    }
    found = checked(tmp_path, changes).findings
    assert [(each.rule, each.message.split()[3]) for each in found] == [
        (Rule.UNUSED_GROUP, f"{name}:") for name in expected
    ]


def test_group_that_is_not_in_the_lock_is_told(tmp_path: Path, own_uv: None) -> None:
    """An export of it would be empty, and look like success."""
    checked(tmp_path)
    write_wheel(tmp_path / "wheels", "six", "1.0")
    root = ROOT.replace("dev = []", 'dev = ["six"]') + '[tool.uv]\nfind-links = ["wheels"]\n'
    write_tree(tmp_path, {"pyproject.toml": root})
    [finding] = check_groups(tmp_path).findings
    assert finding.rule == Rule.STALE_LOCK
    assert finding.uv_says


@pytest.mark.parametrize(
    ("groups", "rule", "place"),
    [
        ('dev = ["six<2"]\nlint = ["six>=9"]\n', Rule.GROUP_UNRESOLVED, "pyproject.toml:5"),
        ('dev = ["six<2"]\nlint = ["six>=2"]\n', Rule.STALE_LOCK, "uv.lock"),
    ],
    ids=["one-at-fault", "two-that-contradict"],
)
def test_group_that_cannot_be_installed_is_told_in_the_words_of_uv(
    tmp_path: Path, own_uv: None, groups: str, rule: Rule, place: str
) -> None:
    """Where no lock can be made, the group at fault is told apart from two that contradict."""
    for version in ("1.0", "2.0"):
        write_wheel(tmp_path / "wheels", "six", version)
    checked(tmp_path)
    settings = (
        '[tool.uv]\nfind-links = ["wheels"]\n[tool.tta.groups]\nignore = ["different-floor"]\n'
    )
    root = LISTED + "[dependency-groups]\n" + groups + settings
    write_tree(tmp_path, {"pyproject.toml": root})
    [finding] = check_groups(tmp_path).findings
    assert (finding.rule, finding.place) == (rule, place)
    assert "No solution found" in finding.uv_says


@pytest.mark.skipif(sys.platform == "win32", reason="needs programs that are scripts")
def test_group_that_the_lock_does_not_give_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What uv says of the one group stands with that group."""
    script = (
        "#!/bin/sh\ncase \"$*\" in export*lint*) echo 'error: no such luck' >&2; exit 2;; esac\n"
    )
    uv = write_tree(tmp_path, TREE | {"bin/uv": script, "uv.lock": "version = 1\n"}) / "bin/uv"
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent))
    [finding] = check_groups(tmp_path).findings
    assert (finding.rule, finding.place) == (Rule.GROUP_UNRESOLVED, "pyproject.toml:5")
    assert finding.uv_says == "error: no such luck"


def test_mistake_that_stops_uv_is_told_once(tmp_path: Path, own_uv: None) -> None:
    """uv is not asked about a file that it cannot read."""
    checked(tmp_path)
    write_tree(tmp_path, {"pyproject.toml": ROOT + 'bad = [{ include-group = "zz" }]\n'})
    found = [each.rule for each in check_groups(tmp_path).findings]
    assert sorted(found) == [Rule.UNKNOWN_INCLUDE, Rule.UNUSED_GROUP]


def test_rule_that_is_ignored_is_left_out(tmp_path: Path, own_uv: None) -> None:
    """The root may leave a rule out by name, and by no other."""
    changes = {"docs/page.md": "uv sync --group gone"}
    ignore = '[tool.tta.groups]\nignore = ["unknown-group"]\n'
    assert checked(tmp_path, changes | {"pyproject.toml": ROOT + ignore}).findings == ()
    write_tree(tmp_path, {"pyproject.toml": ROOT + ignore.replace("unknown", "unkown")})
    with pytest.raises(PyprojectError, match="did you mean 'unknown-group'"):
        check_groups(tmp_path)


def test_without_uv_the_next_move_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without uv gets no traceback."""
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(UvError, match="uv is not on PATH; install it"):
        check_groups(write_tree(tmp_path, TREE))
