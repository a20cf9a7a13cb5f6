from __future__ import annotations

from pathlib import Path

import pytest

from tta_dev_primitives.devtools.lint.path_patterns import matches_any
from tta_dev_primitives.devtools.lint.project import find_project
from tta_dev_primitives.devtools.lint.settings import Settings, read_settings
from tta_dev_primitives.errors import ConfigurationError


def test_whole_table_is_read() -> None:
    table = {
        "select": ["DEFAULT", "TTA2"],
        "ignore": ["missing-max-tokens"],
        "per-path-ignores": {"tests/**": ["TTA1"]},
        "exclude": ["old"],
        "known-clients": ["app.llm.Client"],
        "known-wrappers": ["app.llm.ask"],
        "baseline": "lint-baseline.json",
        "min-confidence": "low",
        "require-reason": True,
    }
    assert read_settings(table, "pyproject.toml") == Settings(
        select=("DEFAULT", "TTA2"),
        ignore=("missing-max-tokens",),
        per_path_ignores=(("tests/**", ("TTA1",)),),
        exclude=("old",),
        known_clients=("app.llm.Client",),
        known_wrappers=("app.llm.ask",),
        baseline="lint-baseline.json",
        min_confidence="low",
        require_reason=True,
    )


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"selct": []}, "has no key 'selct'; did you mean 'select'?"),
        ({"min_confidence": "low"}, "did you mean 'min-confidence'?"),
        ({"zzz": 1}, "has no key 'zzz'"),
        ({"select": "TTA101"}, "select must be a list of strings, got 'TTA101'"),
        ({"ignore": [1]}, "ignore must be a list of strings that are not empty, got [1]"),
        ({"exclude": [""]}, "exclude must be a list of strings that are not empty"),
        ({"per-path-ignores": ["a"]}, "per-path-ignores must be a table"),
        ({"per-path-ignores": {"a": "TTA1"}}, "per-path-ignores.a must be a list of strings"),
        ({"known-clients": ["Client"]}, "known-clients must be dotted names"),
        ({"known-wrappers": ["a..b"]}, "known-wrappers must be dotted names"),
        ({"baseline": ""}, "baseline must be the name of a file, got ''"),
        ({"min-confidence": "sure"}, "min-confidence must be high, medium or low, got 'sure'"),
        ({"require-reason": "yes"}, "require-reason must be true or false, got 'yes'"),
        ([], "tool.tta.lint must be a table, got []"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(value)[:30],
)
def test_mistake_is_told_with_file_and_nearest_name(table: object, told: str) -> None:
    """A misspelt key was taken for no key, and the team thought a rule was off."""
    with pytest.raises(ConfigurationError) as raised:
        read_settings(table, "app/pyproject.toml")
    assert str(raised.value).startswith("app/pyproject.toml: ")
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("pattern", "fits", "misses"),
    [
        ("tests", ["tests", "tests/a.py", "a/tests/b/c.py"], ["tests2/a.py", "a/mytests/b.py"]),
        ("*.ipynb", ["a.ipynb", "x/y/a.ipynb"], ["a.py", "a.ipynb.py"]),
        ("src/*.py", ["src/a.py"], ["src/x/a.py", "x/src/a.py"]),
        ("src/**/a_*.py", ["src/a_b.py", "src/x/y/a_b.py"], ["a_b.py", "src/b.py"]),
        ("old/", ["old/a.py", "x/old/a.py"], ["old.py"]),
        ("./old/**", ["old/a.py", "old/x/a.py"], ["x/old/a.py"]),
        ("/old", ["old/a.py"], ["x/old/a.py"]),
        ("v[0-9].py", ["v1.py"], ["va.py"]),
        ("v[!0-9].py", ["va.py"], ["v1.py"]),
        ("a?.py", ["ab.py"], ["a.py", "a/.py"]),
        ("a+(b).py", ["a+(b).py"], ["aab.py"]),
        ("v[z-a].py", [], ["v1.py"]),
        ("v[.py", ["v[.py"], ["v.py"]),
    ],
)
def test_patterns(pattern: str, fits: list[str], misses: list[str]) -> None:
    assert [path for path in fits if not matches_any(path, [pattern])] == []
    assert [path for path in misses if matches_any(path, [pattern])] == []


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_nearest_table_above_all_paths_counts(tmp_path: Path) -> None:
    """A member without a table of its own lost the settings of the workspace."""
    write(tmp_path / "pyproject.toml", '[tool.tta.lint]\nselect = ["TTA1"]\n')
    write(tmp_path / "packages/a/pyproject.toml", '[project]\nname = "a"\n')
    file = write(tmp_path / "packages/a/src/a.py", "")
    project = find_project([file])
    assert (project.root, project.settings.select) == (tmp_path, ("TTA1",))


def test_table_of_a_member_counts_for_the_member_alone(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[tool.tta.lint]\nselect = ["TTA1"]\n')
    write(tmp_path / "a/pyproject.toml", '[tool.tta.lint]\nselect = ["TTA2"]\n')
    (tmp_path / "b").mkdir()
    assert find_project([tmp_path / "a"]).settings.select == ("TTA2",)
    assert find_project([tmp_path / "a", tmp_path / "b"]).settings.select == ("TTA1",)


def test_without_a_table_the_outermost_project_is_the_root(tmp_path: Path) -> None:
    write(tmp_path / "x/pyproject.toml", "")
    write(tmp_path / "x/packages/a/pyproject.toml", "")
    project = find_project([tmp_path / "x/packages/a"])
    assert (project.root, project.settings) == (tmp_path / "x", Settings())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool.tta.lint\n", "is not TOML: "),
        ("x = '\xff'\n", "is not TOML: "),
        ("[tool.tta]\nlint = 3\n", "tool.tta.lint must be a table, got 3"),
    ],
    ids=["broken", "latin-1", "no table"],
)
def test_broken_pyproject_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError) as raised:
        find_project([tmp_path])
    assert told in str(raised.value)
    assert str(tmp_path / "pyproject.toml") in str(raised.value)


def test_other_tables_below_tta_do_not_disturb(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.tta]\nother = 1\n[tool.other]\nlint = 2\n")
    assert find_project([tmp_path]).file is None


def test_named_file_must_have_the_table(tmp_path: Path) -> None:
    file = write(tmp_path / "pyproject.toml", "")
    with pytest.raises(ConfigurationError, match="has no table"):
        find_project([tmp_path], file)
