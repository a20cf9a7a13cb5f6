from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.findings.source_frame import columns, frame
from tta_dev_primitives.devtools.findings.text_format import render_concise, render_text

from .findings_here import FIX, found, report, reported


def test_finding_stands_above_its_line_with_a_mark_below() -> None:
    assert render_text(report(found(fix=FIX))) == (
        "app/ask.py:5:14: TTA101 OpenAI() has no timeout\n"
        "5 |     client = openai.OpenAI()\n"
        "  |              ^^^^^^^^^^^^^^^\n"
        "  = missing-timeout; tta lint --explain TTA101\n"
        "  = --fix: Add timeout=120\n"
        "\n"
        "1 finding in 1 file; 1 fixable with --fix\n"
    )


def test_concise_is_one_line_a_finding_and_nothing_else() -> None:
    assert render_concise(report(found(), found(6, 4))) == (
        "app/ask.py:5:14: TTA101 OpenAI() has no timeout\n"
        "app/ask.py:6:5: TTA101 OpenAI() has no timeout\n"
    )
    assert render_concise(report()) == ""


def test_place_in_a_notebook_names_the_cell() -> None:
    assert render_concise(report(found(2, 0, cell=7))).startswith("app/ask.py:cell 7:2:1: TTA101")


def test_doubt_is_told() -> None:
    """A finding of low confidence looked like any other."""
    assert "missing-timeout, low confidence;" in render_text(report(found(confidence="low")))


@pytest.mark.parametrize(
    ("findings", "numbers", "last"),
    [
        ([], {"files": 1}, "no findings in 1 file"),
        ([], {"files": 2000}, "no findings in 2,000 files"),
        ([], {"files": 2, "ignored": 3}, "no findings in 2 files (3 ignored inline)"),
        (
            [found()],
            {"ignored": 1, "in_baseline": 2},
            "1 finding in 1 file (1 ignored inline, 2 in the baseline)",
        ),
        (
            [found(fix=FIX), found(6, fix=replace(FIX, is_safe=False)), found(1)],
            {},
            "3 findings in 1 file; 1 fixable with --fix, 1 with --fix --unsafe-fixes",
        ),
    ],
    ids=["clean", "thousands", "ignored", "accepted", "fixes"],
)
def test_last_line_counts(findings, numbers, last: str) -> None:
    assert render_text(report(*findings, **numbers)).splitlines()[-1] == last


def test_without_colour_there_is_no_escape() -> None:
    assert "\x1b" not in render_text(report(found(fix=FIX)))


def test_colour_changes_nothing_but_colour() -> None:
    """The coloured output had another text than the plain one."""
    coloured = render_text(report(found(fix=FIX)), colour=True)
    assert "\x1b[1;33mTTA101\x1b[0m" in coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == render_text(report(found(fix=FIX)))


@pytest.mark.parametrize("text", ["\x1b[2J", "\x07", "\u202e", "\r", "\x9b1m"])
def test_source_cannot_steer_the_terminal(text: str) -> None:
    """A checked file cleared the screen of whoever linted it."""
    source = f"ask('{text}')\n"
    shown = render_text(report(found(1, 0, end_column=3, message=text, path=text), source=source))
    assert all(character.isprintable() or character == "\n" for character in shown)


@pytest.mark.parametrize(
    ("line", "column", "end_column", "marks"),
    [
        ("x = ask()", 4, 9, "    ^^^^^"),
        ("\tx = ask()", 5, 10, " " * 8 + "^^^^^"),
        ("x = '漢字', ask()", 10, 15, " " * 12 + "^^^^^"),
        ("é = ask()", 4, 9, "    ^^^^^"),
        ("x = ask()", 4, 4, "    ^"),
    ],
    ids=["plain", "tab", "wide", "accent", "empty"],
)
def test_mark_stands_below_the_place(line: str, column: int, end_column: int, marks: str) -> None:
    """The mark pointed beside the call."""
    framed = frame(reported(found(1, column, end_column=end_column), source=line)[0], 80)
    assert framed is not None
    assert framed[1] == marks


@pytest.mark.parametrize("source", ["", "   ", "\t"])
def test_empty_line_has_no_frame(source: str) -> None:
    assert frame(reported(found(1, 0), source=source)[0], 80) is None


def test_place_beyond_the_kept_part_of_a_line_has_no_frame() -> None:
    """A finding in a line of a megabyte printed the megabyte."""
    source = "x = 1; " * 150_000
    text = render_text(report(found(1, 700_000, end_column=700_003), source=source))
    assert len(text) < 300


@given(
    st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=300),
    st.data(),
)
def test_frame_fits_the_width_and_marks_the_place(line: str, data: st.DataObject) -> None:
    """Long lines broke the frame."""
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    width = data.draw(st.integers(20, 120))
    framed = frame(reported(found(1, start, end_column=end), source=line)[0], width)
    if framed is None:
        assert not line.strip()
        return
    shown, marks = framed
    assert re.fullmatch(" *\\^+", marks)
    assert columns(shown) <= width
    assert len(marks) <= width + 1
    assert all(character.isprintable() for character in shown)
