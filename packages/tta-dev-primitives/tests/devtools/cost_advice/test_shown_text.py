from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.cost_advice.shown_text import shown, shown_end

BODY = "q8Wz0LmP4xKc7VnB2RtY"


@pytest.mark.parametrize(
    "text",
    [
        f"use sk-{BODY} now",
        f"Authorization: Bearer {BODY}",
        f"my password: {BODY}",
        f"password=hunter22{BODY[:3]}",
        f"the token is {BODY}{BODY}",
        f"api_key = '{BODY}'",
        f"{'x ' * 27}sk-{BODY}",
    ],
    ids=["key", "bearer", "password", "assigned", "token", "argument", "cut-in-half"],
)
def test_no_part_of_a_secret_is_shown(text: str) -> None:
    """A key stands in a report that everybody reads."""
    for line in (shown(text), shown_end(text)):
        assert not any(BODY[at : at + 4] in line for at in range(len(BODY) - 3))
        assert "hunter22" not in line


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("Where is it?", "Where is it?", "Where is it?"),
        ("a\n\tb\x1b[31mc", "a b?[31mc", "a b?[31mc"),
        ("begin " + "x" * 60, "begin " + "x" * 51 + "...", "..." + "x" * 57),
        ("", "", ""),
    ],
    ids=["short", "one-line", "cut", "empty"],
)
def test_text_is_one_line_of_sixty_characters(text: str, begins: str, ends: str) -> None:
    """A text moves the cursor, or fills the screen."""
    assert (shown(text), shown_end(text)) == (begins, ends)


@given(st.text(max_size=600))
def test_no_text_is_longer_or_unprintable(text: str) -> None:
    """Some text gets through uncut."""
    for line in (shown(text), shown_end(text)):
        assert len(line) <= 60
        assert line.isprintable()
