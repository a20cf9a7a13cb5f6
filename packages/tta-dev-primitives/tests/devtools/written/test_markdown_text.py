from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tta_dev_primitives.devtools.written.markdown_text import code, escaped, row
from tta_dev_primitives.devtools.written.one_line import one_line

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@given(st.text(max_size=40).filter(lambda text: one_line(text).strip()))
@example("1. x")
@example("- x")
@example("`` | ``")
def test_any_text_begins_a_paragraph_that_says_it(text: str) -> None:
    """A sentence that began with a number and a dot became a list."""
    opening, inline, closing = RENDERER.parse(escaped(text))
    assert (opening.type, closing.type) == ("paragraph_open", "paragraph_close")
    children = inline.children or []
    assert {child.type for child in children} <= {"text"}
    assert "".join(child.content for child in children).replace("\u200b", "") == one_line(text)


@given(st.text(max_size=40).filter(lambda text: one_line(text).strip()))
@example("a | b")
@example("`` ` ``")
def test_any_code_stays_in_its_cell(text: str) -> None:
    """A name with a bar, or with backticks, spilled into the next column."""
    table = "\n".join((row(["a", "b"]), "|---|---|", row([code(text), "x"])))
    cells = [token for token in RENDERER.parse(table) if token.type == "inline"]
    assert [cell.content for cell in cells[:2]] == ["a", "b"]
    assert cells[3].content == "x"
    assert len(cells) == 4


@pytest.mark.parametrize("text", ["WWW.example.org", "gh-12", "HTTPS://example.org", "@you"])
def test_links_are_parted_whatever_their_letters(text: str) -> None:
    """Code hosts make links of capitals too."""
    assert "&#8203;" in escaped(text)
