from __future__ import annotations

import pytest

from tta_dev_primitives.devtools.lockfile.lockfile_error import LockfileError
from tta_dev_primitives.devtools.lockfile.settings import read_settings

from .locks_here import BAKERY, INDEX, changed, report_on

TABLE = "[tool.tta.lockdiff]\n"
OTHER = "https://other.example.com/simple"
DECLARED = f'[[tool.uv.index]]\nname = "other"\nurl = "{OTHER}"\n'
UPGRADED = changed(BAKERY, ('"0.3.1"', '"0.3.2"'))


@pytest.mark.parametrize(("level", "fails"), [("info", False), ("warn", False), ("fail", True)])
def test_level_of_a_rule_is_what_the_root_says(level: str, fails: bool) -> None:
    """A project cannot make an upgrade fail."""
    pyproject = f'{TABLE}upgraded = "{level}"\n'
    report = report_on(BAKERY, UPGRADED, pyproject=pyproject)
    assert [finding.level for finding in report.findings] == [level]
    assert report.fails is fails


def test_gravest_finding_comes_first() -> None:
    """What matters drowns below what is only for information."""
    head = changed(UPGRADED, ("sha256:f2", "sha256:ff"), ('">=3.11"', '">=3.12"'))
    levels = [finding.level for finding in report_on(BAKERY, head).findings]
    assert levels == ["fail", "warn", "info"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'{TABLE}upgrade = "warn"', "has no rule 'upgrade'; did you mean 'upgraded'?"),
        (f'{TABLE}zzz = "warn"', "has no rule 'zzz'"),
        (f'{TABLE}upgraded = "error"', "must be one of info, warn, fail, got 'error'"),
        (f"{TABLE}upgraded = 1", "must be one of info, warn, fail, got 1"),
        (f'{TABLE}registry = "warn"', "registry always has level fail, got 'warn'"),
        ("[tool.tta]\nlockdiff = 'off'", "must be a table of rules and levels, got 'off'"),
        ("<<<<<<< HEAD\n", "pyproject.toml:1 holds a merge conflict"),
        ("[tool]\nx = \n", "pyproject.toml:2 is not TOML"),
    ],
    ids=["near", "unknown", "level", "number", "fixed", "no-table", "conflict", "not-toml"],
)
def test_mistake_in_the_settings_is_named(text: str, told: str) -> None:
    """A misspelt rule is ignored, and the lock is judged by the default."""
    with pytest.raises(LockfileError) as raised:
        read_settings(text, "pyproject.toml")
    assert told in str(raised.value)


def test_declared_index_is_allowed_and_told_once() -> None:
    """A new index slips in with the change that declares it."""
    berry = 'name = "berry"\nversion = "0.3.1"\nsource = { registry = "'
    head = changed(BAKERY, (berry + INDEX, berry + OTHER))
    report = report_on(BAKERY, head, pyproject=DECLARED, older_pyproject="")
    assert "registry" not in {finding.rule for finding in report.findings}
    [finding] = [each for each in report.findings if each.rule == "index-declared"]
    assert (finding.level, finding.place) == ("warn", "pyproject.toml")
    assert OTHER in finding.message
    later = report_on(head, head, pyproject=DECLARED, older_pyproject=DECLARED)
    assert later.findings == ()


def test_lowered_level_is_told() -> None:
    """A change turns a rule off and makes use of that at once."""
    lower = f'{TABLE}hash-changed = "info"\n'
    head = changed(BAKERY, ("sha256:a1", "sha256:ff"))
    report = report_on(BAKERY, head, pyproject=lower, older_pyproject="")
    assert [(each.rule, each.level) for each in report.findings] == [
        ("level-lowered", "warn"),
        ("hash-changed", "info"),
    ]
    assert report_on(BAKERY, BAKERY, pyproject="", older_pyproject=lower).findings == ()
