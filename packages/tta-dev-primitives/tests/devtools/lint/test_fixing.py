from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.findings.finding import Edit, Finding, Fix
from tta_dev_primitives.devtools.findings.report import ReportedFinding
from tta_dev_primitives.devtools.lint.fixing import MOST_ROUNDS, fix_all, write_fixes
from tta_dev_primitives.devtools.lint.writing import write_atomically
from tta_dev_primitives.devtools.source.source_file import Position

from .projects_here import APP, notebook, session, told, write


def fix(*paths: str, unsafe: bool = False, **given) -> list[str]:
    """Fix the files as the command does, and return what is left."""
    fixes, result = session(*paths, **given).fix(unsafe=unsafe)
    write_fixes(fixes)
    assert fixes.notes == []
    return [each.finding.code for each in result.findings]


def test_safe_fixes_alone_are_made_by_default(folder: Path) -> None:
    write(folder, app=APP)
    assert fix() == ["TTA107"]
    assert (folder / "app.py").read_text() == APP.replace("OpenAI()", "OpenAI(timeout=120)")


def test_unsafe_fixes_are_made_when_asked_for(folder: Path) -> None:
    write(folder, app=APP)
    assert fix(unsafe=True) == []
    assert "messages=[text], max_completion_tokens=1024)" in (folder / "app.py").read_text()


def test_fixing_again_changes_nothing(folder: Path) -> None:
    write(folder, app=APP, other=APP + "x = 1  # tta: ignore[TTA101]\n")
    fix(unsafe=True)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    fixes, _ = session().fix(unsafe=True)
    assert fixes.changed == []
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_a_comment_silences_is_left_alone(folder: Path) -> None:
    source = APP.replace("OpenAI()", "OpenAI()  # tta: ignore[TTA101] the gateway limits it")
    write(folder, app=source)
    assert fix() == ["TTA107"]
    assert (folder / "app.py").read_text() == source


def test_what_the_baseline_accepts_is_left_alone(folder: Path) -> None:
    write(folder, app=APP)
    linter = session(baseline=str(folder / "b.json"))
    linter.accept(linter.run())
    fixes, _ = linter.fix(unsafe=True)
    assert fixes.changed == []


@pytest.mark.parametrize(
    ("head", "encoding", "end"),
    [
        ("", "utf-8", "\n"),
        ("", "utf-8-sig", "\r\n"),
        ("# -*- coding: latin-1 -*-\n# \xfc\n", "latin-1", "\n"),
        ("# coding: cp1252\n# \u20ac\n", "cp1252", "\r\n"),
        ("", "utf-8", "\r"),
    ],
    ids=["plain", "mark and windows ends", "latin-1", "cp1252", "old mac ends"],
)
def test_encoding_and_line_ends_stay(folder: Path, head: str, encoding: str, end: str) -> None:
    """A fix rewrote every line of the file."""
    before = (head + APP).replace("\n", end).encode(encoding)
    write(folder, app=before)
    fix()
    changed = b"OpenAI()", b"OpenAI(timeout=120)"
    assert (folder / "app.py").read_bytes() == before.replace(*changed)


@pytest.mark.skipif(os.name == "nt", reason="modes and links are other things there")
def test_mode_and_links_stay(folder: Path) -> None:
    write(folder, real__app=APP)
    (folder / "real/app.py").chmod(0o750)
    (folder / "link.py").symlink_to("real/app.py")
    fix("link.py")
    assert (folder / "link.py").is_symlink()
    assert "timeout=120" in (folder / "real/app.py").read_text()
    assert stat.S_IMODE((folder / "real/app.py").stat().st_mode) == 0o750
    assert sorted(path.name for path in (folder / "real").iterdir()) == ["app.py"]


def test_notebooks_are_not_touched(folder: Path) -> None:
    before = notebook(APP)
    write(folder, **{"n.ipynb": before})
    fix(min_confidence="low")
    assert (folder / "n.ipynb").read_text() == before


def test_file_that_changes_meanwhile_is_left_alone(folder: Path) -> None:
    """What an editor saved during the run was lost."""
    write(folder, app=APP)
    fixes, _ = session().fix(unsafe=False)
    write(folder, app="saved = 1\n")
    assert write_fixes(fixes) == []
    assert (folder / "app.py").read_text() == "saved = 1\n"
    assert fixes.notes == ["app.py is not fixed: it changed meanwhile"]


def test_diff_shows_the_change_and_writes_nothing(folder: Path) -> None:
    write(folder, app=APP)
    fixes, _ = session().fix(unsafe=False)
    (changed,) = fixes.changed
    lines = changed.diff().splitlines()
    assert lines[:2] == ["--- app.py", "+++ app.py"]
    assert "-client = OpenAI()" in lines
    assert "+client = OpenAI(timeout=120)" in lines
    assert (folder / "app.py").read_text() == APP


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # tta: ignore[TTA101]\n", "x = 1\n"),
        ("x = 1  # tta: ignore[TTA101] why", "x = 1"),
        ("# tta: ignore[TTA101]\nx = 1\n", "x = 1\n"),
        ("x = 1\n# tta: ignore[TTA101]", "x = 1\n"),
        ("x = 1  # noqa  # tta: ignore[TTA101]\n", "x = 1  # noqa\n"),
        ("x = 1  # tta: ignore[TTA101] why  # noqa\n", "x = 1  # noqa\n"),
        ("x = 'ü'  # tta: ignore[TTA101, TTA107]\n", "x = 'ü'\n"),
        ("x = 1  # tta: ignore[TTA101, TTA201] why\n", "x = 1  # tta: ignore[TTA201] why\n"),
    ],
)
def test_idle_comment_is_taken_away(folder: Path, before: str, after: str) -> None:
    write(folder, app=before)
    assert fix() == []
    assert (folder / "app.py").read_text() == after


@pytest.mark.parametrize(
    ("comment", "given", "message"),
    [
        ("# tta: ignore[TTA999]", {}, "there is no rule TTA999; did you mean "),
        ("# tta: ignore", {}, "the comment names no rule"),
        ("# tta: ignore[TTA107]", {}, "no finding of TTA107 is silenced here"),
        ("# tta: ignore[TTA101]", {"require_reason": True}, "the comment gives no reason"),
    ],
    ids=["unknown", "none", "unused", "reason"],
)
def test_comment_that_does_nothing_is_told(folder: Path, comment, given, message: str) -> None:
    write(folder, app=APP.replace("OpenAI()", f"OpenAI()  {comment}"))
    result = session(**given).run()
    found = [each.finding for each in result.findings if each.finding.code == "TTA900"]
    assert [finding.message[: len(message)] for finding in found] == [message]


def test_comment_for_a_rule_that_did_not_run_is_left_alone(folder: Path) -> None:
    write(folder, app=APP.replace("OpenAI()", "OpenAI()  # tta: ignore[TTA101]"))
    assert told(select=("TTA107", "TTA900")) == ["app.py:7 TTA107"]


def test_unsure_finding_makes_its_comment_count(folder: Path) -> None:
    """A comment on a finding of low confidence was called idle, and taken away."""
    write(folder, test_app=APP.replace("OpenAI()", "OpenAI()  # tta: ignore[TTA101]"))
    assert "TTA900" not in str(told())


class Rounds:
    """Stands for the linter: each text has one finding, with the next fix."""

    def __init__(self, path: Path, *fixes: tuple[str, str], codes: int = 1) -> None:
        self.path, self._fixes, self._codes = path, list(fixes), codes
        self.runs = 0

    def __call__(self, texts) -> Sequence[ReportedFinding]:
        self.runs += 1
        text = texts.get(str(self.path), self.path.read_text())
        found = []
        for number, (old, new) in enumerate(self._fixes):
            if old in text:
                start = text.index(old)
                edit = Edit((1, start), (1, start + len(old)), new)
                code = f"TTA{number % self._codes:03}"
                finding = Finding(
                    code, "x", str(self.path), Position(1, 0, 1, 0), "", fix=Fix("", (edit,), True)
                )
                found.append(ReportedFinding(finding, "", ""))
        return found


def test_fix_that_makes_room_for_another_is_followed_by_it(folder: Path) -> None:
    write(folder, a="a = 1\n")
    fixes, left = fix_all(
        Rounds(folder / "a.py", ("a = 1", "b = 2"), ("b = 2", "c = 3"), codes=2), unsafe=False
    )
    assert (fixes.changed[0].after, list(left), fixes.notes) == ("c = 3\n", [], [])


def test_fix_that_does_not_help_is_undone_and_told(folder: Path) -> None:
    """An argument was added to the same call in every round."""
    write(folder, a="f(1)\n")
    fixes, left = fix_all(Rounds(folder / "a.py", ("f(1", "f(1, 1")), unsafe=False)
    assert fixes.changed == []
    assert len(left) == 1
    assert fixes.notes[0].startswith("a fix did not take its finding away and was undone: TTA000")


def test_fixes_that_chase_each_other_end(folder: Path) -> None:
    write(folder, a="a = 1\n")
    rounds = Rounds(folder / "a.py", ("a = 1", "b = 2"), ("b = 2", "a = 1"), codes=2)
    fixes, _ = fix_all(rounds, unsafe=False)
    assert rounds.runs <= 2 * MOST_ROUNDS + 1
    assert fixes.notes == [f"there may be more to fix after {MOST_ROUNDS} rounds; run it again"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    """A device that was named as output was gone afterwards, for everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no regular file"):
        write_atomically(pipe, b"text")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
