from __future__ import annotations

import json
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.lockfile.lockfile_error import LockfileError
from tta_dev_primitives.devtools.lockfile.yanked import read_withdrawals

from .locks_here import BAKERY, report_on

BERRY = ("berry-0.3.1.tar.gz", "berry-0.3.1-cp311-linux.whl", "berry-0.3.1-cp311-win.whl")
WARNING = 'Resolved 9 packages in 3ms\nwarning: `Berry==0.3.1` is yanked (reason: "sour")\n'


def page(*files: tuple[str, object]) -> str:
    """A project's page as an index serves it in JSON."""
    rows = [{"filename": name, "hashes": {}, "yanked": yanked} for name, yanked in files]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": "berry", "files": rows})


def told(*paths: Path) -> list[tuple[str, str]]:
    """Say what is yanked in a lock that did not change."""
    report = report_on(BAKERY, BAKERY, withdrawals=read_withdrawals(paths))
    return [(finding.subject, finding.message) for finding in report.findings]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (page(*((name, "sour") for name in BERRY)), ", who say `sour`"),
        (page(*((name, True) for name in BERRY)), ""),
        (WARNING, ", who say `sour`"),
        ("warning: `berry==0.3.1` is yanked\n", ""),
    ],
    ids=["page-reason", "page", "warning-reason", "warning"],
)
def test_withdrawn_version_is_told_though_it_did_not_change(
    tmp_path: Path, text: str, reason: str
) -> None:
    """A version that its authors withdrew stays in the lock unnoticed."""
    file = tmp_path / "known"
    file.write_text(text, encoding="utf-8")
    assert told(file) == [("berry 0.3.1", f"was withdrawn by its authors{reason}")]


def test_place_is_the_line_of_the_fork_that_was_withdrawn(tmp_path: Path) -> None:
    """Of two locked versions, the reader is sent to the one that is in order."""
    file = tmp_path / "known"
    file.write_text("warning: `flour==2.1` is yanked\n", encoding="utf-8")
    report = report_on(BAKERY, BAKERY, withdrawals=read_withdrawals([file]))
    later = BAKERY.splitlines().index('version = "2.1"') - 1  # two lines above, counted from 1
    assert [finding.place for finding in report.findings] == [f"uv.lock:{later}"]


@pytest.mark.parametrize(
    "text",
    [
        page((BERRY[0], True), (BERRY[1], True), (BERRY[2], False)),
        page(*((name, "") for name in BERRY)),
        page(("berry-0.3.0.tar.gz", True)),
        "warning: `berry==0.3.0` is yanked\n",
        "",
    ],
    ids=["one-file-left", "empty-reason", "other-version", "other-warning", "nothing"],
)
def test_version_that_can_still_be_had_is_not_told(tmp_path: Path, text: str) -> None:
    """A version is called withdrawn that is not."""
    file = tmp_path / "known"
    file.write_text(text, encoding="utf-8")
    assert told(file) == []


def test_folder_of_an_index_is_read_as_a_whole(tmp_path: Path) -> None:
    """Every page of a private index has to be named, or its list of projects is a mistake."""
    project = tmp_path / "simple" / "berry"
    project.mkdir(parents=True)
    (project / "index.json").write_text(page(*((name, True) for name in BERRY)), encoding="utf-8")
    (tmp_path / "simple" / "index.json").write_text('{"projects": []}', encoding="utf-8")
    assert [subject for subject, _ in told(tmp_path)] == ["berry 0.3.1"]


def test_git_source_is_not_withdrawn_for_having_no_files(tmp_path: Path) -> None:
    """A package without files in the lock counts as withdrawn as soon as any page is known."""
    file = tmp_path / "known.json"
    file.write_text(page(("other-1.tar.gz", True)), encoding="utf-8")
    assert told(file) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot read"),
        ("{", "is not JSON"),
        ('{"projects": []}', "is no project's page of an index"),
    ],
    ids=["missing", "broken", "other-json"],
)
def test_file_that_tells_nothing_is_a_mistake(tmp_path: Path, text: str | None, said: str) -> None:
    """A misspelt path means that nothing is known to be yanked."""
    file = tmp_path / "known.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(LockfileError) as raised:
        read_withdrawals([file])
    assert said in str(raised.value)
    assert file.name in str(raised.value)
