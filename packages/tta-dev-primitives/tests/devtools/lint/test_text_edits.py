from __future__ import annotations

import ast
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.findings.finding import Edit, Fix
from tta_dev_primitives.devtools.lint.text_edits import apply_fixes


def fix(*edits: tuple[int, int, int, str], message: str = "") -> Fix:
    """A fix within lines: line, start, end, new text."""
    return Fix(
        message,
        tuple(Edit((line, start), (line, end), text) for line, start, end, text in edits),
        is_safe=True,
    )


def test_edits_of_a_fix_are_made_together() -> None:
    edited = apply_fixes("a = f()\nb = g()\n", [fix((2, 4, 5, "h"), (1, 6, 6, "1"))])
    assert edited.text == "a = f(1)\nb = h()\n"


def test_first_of_two_that_overlap_wins_and_the_other_waits() -> None:
    one, other = fix((1, 4, 7, "one()")), fix((1, 6, 6, "2"))
    for order in ([one, other], [other, one]):
        edited = apply_fixes("a = f()\n", order)
        assert (edited.text, edited.applied) == ("a = one()\n", (one,))


def test_two_insertions_at_one_place_do_not_both_happen() -> None:
    """Two rules wanted the same import, and it was there twice."""
    same = [fix((1, 0, 0, "import x\n")), fix((1, 0, 0, "import x\n"))]
    assert apply_fixes("a = 1\n", same).text == "import x\na = 1\n"


def test_neighbours_are_both_made() -> None:
    edited = apply_fixes("ab = 1\n", [fix((1, 0, 1, "x")), fix((1, 1, 2, "y"))])
    assert edited.text == "xy = 1\n"


def test_fix_with_a_part_that_is_taken_waits_as_a_whole() -> None:
    """Half of a fix was made: the import without the call."""
    one, other = fix((1, 0, 1, "x")), fix((1, 0, 1, "y"), (2, 0, 1, "z"))
    assert apply_fixes("a = 1\nb = 2\n", [one, other]).text == "x = 1\nb = 2\n"


def test_fix_that_breaks_the_file_is_refused_and_the_others_made() -> None:
    bad = fix((1, 4, 5, "("))
    edited = apply_fixes("a = 1\nb = 2\n", [bad, fix((2, 4, 5, "3"))])
    assert edited.text == "a = 1\nb = 3\n"
    assert edited.refused == (bad,)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
def test_line_ends_stay(end: str) -> None:
    """A fix turned a whole file's line ends over."""
    edited = apply_fixes(end.join(["a = 1", "b = 2", ""]), [fix((2, 0, 0, "import x\n"))])
    assert edited.text == end.join(["a = 1", "import x", "b = 2", ""])


def test_mixed_line_ends_stay_as_they_are() -> None:
    edited = apply_fixes("a = 1\r\nb = 2\nc = 3\r\n", [fix((2, 4, 5, "(\n4)"))])
    assert edited.text == "a = 1\r\nb = (\r\n4)\nc = 3\r\n"


def test_columns_count_bytes_as_the_parser_does() -> None:
    """A fix behind an umlaut was put one character too far."""
    source = "x = 'ü', f()\n"
    (call,) = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    place = (1, (call.end_col_offset or 0) - 1)
    edited = apply_fixes(source, [Fix("", (Edit(place, place, "1"),), is_safe=True)])
    assert edited.text == "x = 'ü', f(1)\n"


@pytest.mark.parametrize(
    "edit",
    [(9, 0, 0, "x"), (1, 90, 91, "x"), (0, 0, 0, "x"), (1, -1, 0, "x"), (1, 3, 2, "x")],
    ids=["line", "column", "line 0", "before", "backwards"],
)
def test_place_outside_of_the_text_is_left_alone(edit) -> None:
    edited = apply_fixes("a = 1\n", [fix(edit)])
    assert (edited.text, edited.applied) == ("a = 1\n", ())


numbers = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 99)))


@given(numbers)
def test_what_is_applied_is_exactly_what_stands_there(edits: list[tuple[int, int, int]]) -> None:
    """Edits shifted each other."""
    source = "[" + ",".join("0" for _ in range(12)) + "]"
    fixes = [fix((1, min(a, b), max(a, b), str(new))) for a, b, new in edits]
    edited = apply_fixes(source, fixes)
    spans = sorted((each.edits[0].start[1], each.edits[0].end[1]) for each in edited.applied)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    grown = sum(
        len(each.edits[0].new_text) - (each.edits[0].end[1] - each.edits[0].start[1])
        for each in edited.applied
    )
    assert len(edited.text) == len(source) + grown
    ast.parse(edited.text)
