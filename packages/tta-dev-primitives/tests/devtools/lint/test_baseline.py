from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tta_dev_primitives.devtools.lint.baseline import read_baseline
from tta_dev_primitives.errors import ConfigurationError

from .projects_here import APP, PROJECT, session, write


@pytest.fixture
def accepted(folder: Path) -> Path:
    """A project whose findings are all accepted."""
    write(folder, app=APP, **{"pyproject.toml": PROJECT + 'baseline = "accepted.json"\n'})
    linter = session()
    return linter.accept(linter.run())


def new(*paths: str) -> list[str]:
    linter = session(*paths)
    return [each.finding.code for each in linter.new(linter.run()).new]


def test_accepted_findings_are_not_new(accepted: Path) -> None:
    assert accepted.name == "accepted.json"
    assert new() == []


def test_another_finding_is_new(folder: Path, accepted: Path) -> None:
    write(folder, app=APP + "\nother = OpenAI()\nother.chat.completions.create(max_tokens=1)\n")
    assert new() == ["TTA101"]


def test_equal_line_beside_an_accepted_one_is_new(folder: Path, accepted: Path) -> None:
    """Copying an accepted mistake was not noticed."""
    line = APP.splitlines()[-1]
    write(folder, app=f"{APP}{line}\n")
    assert new() == ["TTA107"]


def test_file_of_another_name_is_not_accepted(folder: Path, accepted: Path) -> None:
    write(folder, other=APP)
    assert sorted(new()) == ["TTA101", "TTA107"]


def test_baseline_counts_from_wherever_the_linter_runs(
    folder: Path, accepted: Path, monkeypatch
) -> None:
    """Run in a sub-folder, everything was new."""
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert new(str(folder / "app.py")) == []


def test_entries_that_fit_nothing_are_counted(folder: Path, accepted: Path) -> None:
    write(folder, app=APP.replace("OpenAI()", "OpenAI(timeout=3)"), other="")
    linter = session()
    assert linter.new(linter.run()).stale == 1
    other = session("other.py")
    assert other.new(other.run()).stale == 0  # nothing is known of the file that was not checked
    (folder / "app.py").unlink()
    assert other.new(other.run()).stale == 2  # but its absence is


def test_writing_it_again_changes_nothing(accepted: Path) -> None:
    before = accepted.read_bytes()
    linter = session()
    linter.accept(linter.run())
    assert accepted.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no baseline"),
        ("{", "is not JSON"),
        ("[]", "has no schema_version 1"),
        ('{"schema_version": 2}', "has no schema_version 1"),
        ('{"schema_version": 1}', "holds None where a finding should be"),
        ('{"schema_version": 1, "findings": [{"path": "a"}]}', "holds {'path': 'a'} where"),
        ("[" * 100_000, "is not JSON"),
    ],
    ids=["missing", "broken", "list", "newer", "empty", "entry", "deep"],
)
def test_damaged_baseline_is_told_with_the_way_out(folder: Path, content, told: str) -> None:
    file = folder / "baseline.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError) as raised:
        read_baseline(file)
    assert told in str(raised.value)
    assert str(raised.value).endswith("delete it and write it anew with --write-baseline")


fillers = st.sampled_from(["\n", "# a comment\n", "import os\n", "\n\n\n", "x = 1\n"])


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(above=st.lists(fillers, max_size=8), between=st.lists(fillers, max_size=8))
def test_moved_lines_bring_nothing_new(
    folder: Path, accepted: Path, above: list[str], between: list[str]
) -> None:
    """A new import at the top, and the accepted findings came back."""
    head, _, tail = APP.partition("\n\n\ndef")
    write(folder, app="".join(above) + head + "\n" + "".join(between) + "\n\ndef" + tail)
    assert new() == []


def test_accepting_some_files_keeps_what_is_accepted_in_the_others(
    folder: Path, accepted: Path
) -> None:
    """Accepting one file brought the findings of all others back."""
    write(folder, other=APP, gone=APP)
    linter = session("other.py", "gone.py")
    linter.accept(linter.run())
    assert new() == []
    (folder / "gone.py").unlink()
    linter = session("other.py")
    linter.accept(linter.run())
    found = {each["path"] for each in json.loads(accepted.read_text())["findings"]}
    assert found == {"app.py", "other.py"}


def test_baseline_is_sorted_and_names_no_line(accepted: Path) -> None:
    """Each commit changed the whole baseline."""
    findings = json.loads(accepted.read_text())["findings"]
    assert [each["code"] for each in findings] == ["TTA101", "TTA107"]
    assert all(set(each) == {"path", "code", "fingerprint", "message"} for each in findings)
