from __future__ import annotations

import ast
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.lint.suppressions import read_suppressions


def covered(source: str) -> list[str]:
    """The names of the calls whose finding TTA101 some comment silences."""
    text = dedent(source)
    suppressions = read_suppressions(text)
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return sorted(
        ast.unparse(call.func)
        for call in calls
        if any(each.covers("TTA101", call.lineno, call.end_lineno or 0) for each in suppressions)
    )


CASES = {
    "behind": ("a()  # tta: ignore[TTA101]\nb()\n", ["a"]),
    "above": ("# tta: ignore[TTA101]\na()\nb()\n", ["a"]),
    "above, with another comment between": ("# tta: ignore[TTA101]\n# why\na()\n", ["a"]),
    "above, with an empty line between": ("# tta: ignore[TTA101]\n\na()\n", []),
    "below": ("a()\n# tta: ignore[TTA101]\nb()\n", ["b"]),
    "behind the last line of a call": ("a(\n    1,\n)  # tta: ignore[TTA101]\n", ["a"]),
    "above a call of several lines": ("# tta: ignore[TTA101]\na(\n    b(),\n)\n", ["a", "b"]),
    "behind the first line of a call": ("a(  # tta: ignore[TTA101]\n    b(),\n)\n", ["a"]),
    "behind one argument": ("x(\n    a(),  # tta: ignore[TTA101]\n    b(),\n)\n", ["a", "x"]),
    "above one argument": ("x = [\n    # tta: ignore[TTA101]\n    a(),\n    b(),\n]\n", ["a"]),
    "behind the head of a block": ("with a():  # tta: ignore[TTA101]\n    b()\n", ["a"]),
    "first line of a block": ("with a():\n    # tta: ignore[TTA101]\n    b()\n    c()\n", ["b"]),
    "another code": ("a()  # tta: ignore[TTA102]\n", []),
    "several codes": ("a()  # tta: ignore[TTA102, TTA101]\n", ["a"]),
    "lower case": ("a()  # tta: ignore[tta101]\n", ["a"]),
    "behind another comment": ("a()  # noqa: E501  # tta: ignore[TTA101] why\n", ["a"]),
    "before another comment": ("a()  # tta: ignore[TTA101] why  # noqa\n", ["a"]),
    "no room": ("a()  #tta:ignore[TTA101]\n", ["a"]),
    "no codes": ("a()  # tta: ignore\n", []),
    "in a string": ("a('# tta: ignore[TTA101]')\n", []),
    "in a text of several lines": ('a("""\n# tta: ignore[TTA101]\n""")\n', []),
    "another word": ("a()  # tta: ignored[TTA101]\n", []),
    "other tool": ("a()  # data: ignore[TTA101]\n", []),
    "last line without an end": ("a()  # tta: ignore[TTA101]", ["a"]),
    "nothing follows": ("a()\n# tta: ignore[TTA101]\n", []),
    "two statements on a line": ("a(); b()  # tta: ignore[TTA101]\n", ["a", "b"]),
    "form feed": ("\x0c\na()  # tta: ignore[TTA101]\n", ["a"]),
    "continued line": ("x = \\\n    a()  # tta: ignore[TTA101]\n", ["a"]),
}


@pytest.mark.parametrize("name", CASES)
def test_comment_counts_for_its_statement(name: str) -> None:
    """A comment silenced more or less than the place its author meant."""
    source, expected = CASES[name]
    assert covered(source) == expected


def test_reason_codes_and_columns_are_read() -> None:
    (found,) = read_suppressions("üü = a()  # noqa  # tta: ignore[TTA101,TTA107]: why  # more\n")
    assert found.codes == ("TTA101", "TTA107")
    assert found.reason == "why"
    assert (found.start, found.end) == (18, 52)
    assert not found.is_alone


def test_comment_without_codes_is_read_so_that_it_can_be_told() -> None:
    (found,) = read_suppressions("a()  # tta: ignore\n")
    assert found.codes == ()


PIECES = ["a", "(", ")", "\n", " ", "'", '"', "#", "# tta: ignore[TTA101]", ":", "\\"]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_no_text_crashes_it(text: str) -> None:
    """A file that parses strangely brought the linter down."""
    for found in read_suppressions(text):
        line = text.split("\n")[found.line - 1]
        assert line[found.start : found.end].startswith("#")
