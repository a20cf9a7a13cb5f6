"""The pages about observability name what there is, and their pictures show what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from observability_integration.metrics.instruments import TTA_INSTRUMENTS

if TYPE_CHECKING:
    from observability_integration.metrics.instrument import Instrument

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "observability" / "index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("instrument", TTA_INSTRUMENTS, ids=lambda instrument: instrument.name)
def test_every_metric_stands_on_the_page_with_its_labels(instrument: Instrument[Any]) -> None:
    """Somebody writes a query after the page, for a label that no series has."""
    (row,) = re.findall(
        rf"^\| `{re.escape(instrument.name)}` \|[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE
    )
    assert re.findall(r"`([^`]+)`", row) == [*instrument.labels]


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        ("observability-tree.svg", ["attempts=2/4", "of it wasted", "cache=hit"]),
        ("observability-trace-file.svg", ["cost", "calls"]),
    ],
    ids=["tree", "trace-file"],
)
def test_a_picture_shows_what_the_page_says_and_fetches_nothing(
    picture: str, words: list[str]
) -> None:
    """The picture is of another run, or loads something from elsewhere."""
    drawn = (DOCS / "images" / picture).read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", drawn).replace("&#160;", " ").replace("\xa0", " ")
    for word in words:
        assert word in text
    assert not re.findall(r"(?:href|src|url\()\s*=?\s*[\"']?(?:https?:)?//", drawn)
