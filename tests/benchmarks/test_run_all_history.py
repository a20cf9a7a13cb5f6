"""What is written to a history is read again, and what is broken is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from histories import HERE, THERE, commit, record
from hypothesis import given
from hypothesis import strategies as st
from run_all_history import Figure, HistoryError, Record, append, read
from run_all_place import Commit, PlaceError, commit_of, this_machine

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
FIGURES = st.builds(
    Figure,
    case=st.text(st.characters(codec="utf-8")),
    unit=st.text(st.characters(codec="utf-8"), max_size=9),
    best=NUMBERS,
    median=NUMBERS,
    count=st.none() | st.integers(0, 10**6),
    samples=st.lists(NUMBERS, max_size=4).map(tuple),
    better=st.sampled_from(["less", "more"]),
)
RECORDS = st.builds(
    Record,
    benchmark=st.text("abc-", min_size=1),
    figure=FIGURES,
    commit=st.sampled_from([commit(1), commit(2, changed=True)]),
    machine=st.sampled_from([HERE, THERE]),
    when=st.just("2026-01-01T00:00:00Z"),
    quick=st.booleans(),
)


@given(st.lists(st.lists(RECORDS, max_size=3), max_size=3))
def test_what_was_appended_is_read_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Record]]
) -> None:
    """A case with a line separator in its name broke the history."""
    path = tmp_path_factory.mktemp("history") / "below/history.jsonl"
    for batch in batches:
        append(path, batch)
    expected = [each for batch in batches for each in batch]
    assert (read(path) if batches else []) == expected


def test_half_a_line_spoils_no_other(tmp_path: Path) -> None:
    """After a run that was killed, the next one's first figure was lost with its last."""
    path = tmp_path / "history.jsonl"
    append(path, [record(1, 100.0)])
    with path.open("a") as file:
        file.write('{"schema": 1, "bench')
    append(path, [record(2, 100.0)])
    lines = path.read_text().splitlines()
    assert len(lines) == 3
    with pytest.raises(HistoryError, match=r"history\.jsonl:2 is no record .*; delete the line"):
        read(path)
    path.write_text(f"{lines[0]}\n{lines[2]}\n")
    assert read(path) == [record(1, 100.0), record(2, 100.0)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"schema": 1', '"schema": 2', r"has schema 2, this script knows 1; use the script that"),
        ('"case"', '"cause"', "KeyError: 'case'"),
        ('"median": 100.0', '"median": NaN', "are to be finite"),
        ('"better": "less"', '"better": "blue"', "better is less or more, not 'blue'"),
        ('"machine": {', '"machine": 7, "x": {', "TypeError"),
    ],
    ids=["newer", "without-case", "not-a-number", "unknown-sense", "other-shape"],
)
def test_a_line_that_is_no_record_is_named(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    """A history of a later version was drawn with half of its figures."""
    path = tmp_path / "history.jsonl"
    append(path, [record(1, 100.0), record(2, 100.0)])
    lines = path.read_text().splitlines()
    assert before in lines[1]
    path.write_text(f"{lines[0]}\n{lines[1].replace(before, after)}\n")
    with pytest.raises(HistoryError, match=told) as raised:
        read(path)
    assert str(raised.value).startswith(f"{path}:2 ")


def test_a_missing_history_says_how_to_begin_one(tmp_path: Path) -> None:
    """A mistyped name drew an empty page."""
    with pytest.raises(HistoryError, match="does not exist; begin it by running"):
        read(tmp_path / "history.jsonl")


def test_a_folder_without_commits_is_refused(tmp_path: Path) -> None:
    """Figures were written that belong to no code."""
    with pytest.raises(PlaceError, match="has no commit to name"):
        commit_of(tmp_path)


def test_a_machine_is_named_by_what_seconds_depend_on() -> None:
    """Figures of two Pythons were compared, or a host name was published."""
    machines = {HERE, THERE, this_machine()}
    assert len({each.identity for each in machines}) == 3
    assert this_machine().identity == this_machine().identity
    assert set(HERE.__slots__) == {"cpu", "cores", "python", "system"}


def test_changed_files_are_told_from_the_commit() -> None:
    """A figure of edited code was drawn as that of the last commit."""
    clean, edited = commit(1), commit(1, changed=True)
    assert clean < edited < commit(2)
    assert str(edited) == f"{clean} with changes"
    assert isinstance(edited, Commit)
