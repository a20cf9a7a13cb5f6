from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tta_dev_primitives.devtools.cost_report.markdown_format import as_markdown
from tta_dev_primitives.devtools.written.one_line import one_line

from .reports_here import REPORTS, named

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PARTING = "\u200b"


def shape(text: str) -> list[str]:
    """What a code host would make of it, without the texts."""
    kinds: list[str] = []
    for token in RENDERER.parse(text):
        kinds.append(token.type)
        kinds += [child.type for child in token.children or () if child.type != "text"]
    return kinds


def told(text: str) -> list[str]:
    """The texts that a reader sees: of cells, headings and sentences."""
    tokens: Any = RENDERER.parse(text)
    return [
        "".join(child.content for child in token.children)
        for token in tokens
        if token.type == "inline"
    ]


def times(text: str) -> int:
    """How many cells and sentences are a name that may be any text, and nothing else."""
    shown = told(as_markdown(named(text)))
    return [each.replace(PARTING, "") for each in shown].count(one_line(text))


@given(st.text(max_size=40).filter(lambda text: one_line(text).strip()))
@example("a | b")
@example("`` ` ``")
@example("\\|")
@example("[x](https://example.org)")
@example("<img src=x>")
@example("&lt;b&gt;")
@example("**b** _i_ ~~s~~")
@example("1. x")
@example("- x")
@example("# x")
@example("+ x")
@example("===")
@example("---")
@example("a\n\n| b |\n|---|")
@example("$x$")
def test_any_name_is_shown_as_itself(text: str) -> None:
    """A model's name ended the table, or became a heading, a list or a link."""
    assert shape(as_markdown(named(text))) == shape(as_markdown(named("plain")))
    assert times(text) >= times("plain")


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("@somebody", "@somebody"),
        ("team@example.org", "@example"),
        ("see #12", "#12"),
        ("GH-12", "GH-12"),
        ("https://example.org", "://"),
        ("www.example.org", "www."),
    ],
)
def test_no_name_mentions_a_person_or_makes_a_link(text: str, linked: str) -> None:
    """A comment called a stranger whose name was in a model's name."""
    assert times(text) == times("plain")
    assert not any(linked in each for each in told(as_markdown(named(text))))


@pytest.mark.parametrize("name", REPORTS)
def test_every_row_of_a_table_has_the_same_columns(name: str) -> None:
    """The row of the ones to compare with was one column short."""
    for block in re.findall(r"(?:^\|.*\n)+", as_markdown(REPORTS[name]), re.MULTILINE):
        assert len({row.count("|") for row in block.splitlines()}) == 1


def test_verdict_is_the_heading() -> None:
    """The summary of a job had to be opened to see whether it passed."""
    assert as_markdown(REPORTS["fail"]).startswith("## Cost: FAIL\n\n- saving -1.1%")


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_not_proven_is_told_with_the_verdict(name: str) -> None:
    """A team took the figures of one month for a promise."""
    written = as_markdown(REPORTS[name])
    assert "### What this proves" in written
    assert "- What other traffic saves" in written
