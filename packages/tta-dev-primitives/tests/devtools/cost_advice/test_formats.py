from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from importlib.resources import files

import jsonschema
import pytest

from tta_dev_primitives.devtools import cost_advice
from tta_dev_primitives.devtools.cost_advice.advice import Advice
from tta_dev_primitives.devtools.cost_advice.advice_json import advice_json
from tta_dev_primitives.devtools.cost_advice.advice_markdown import advice_markdown
from tta_dev_primitives.devtools.cost_advice.advice_text import advice_lines
from tta_dev_primitives.devtools.cost_advice.comparing import compare
from tta_dev_primitives.devtools.cost_advice.comparison import Comparison
from tta_dev_primitives.devtools.cost_advice.comparison_json import comparison_json
from tta_dev_primitives.devtools.cost_advice.comparison_markdown import comparison_markdown
from tta_dev_primitives.devtools.cost_advice.comparison_text import comparison_lines

from .test_cheaper_models import scored
from .traffic_here import DAY, ListedPrices, request, told

NASTY = "@team | <script>\x1b[31m `x` #12\nsk-q8Wz0LmP4xKc7VnB2RtY"
REPEATED = [request(n, ts=n, key=b"k", text="Where is my parcel?") for n in range(3)]
FULL = told([*REPEATED, *scored(100, 100, NASTY), request(9, place=NASTY, error="boom")])
EMPTY = told([])
LONGER = [request(n, ts=n * DAY, place=NASTY if n % 2 else "0.ask") for n in range(9)]
CHANGED = compare(
    [request(n, ts=n * DAY / 2) for n in range(9)], LONGER, ListedPrices(), after_source=NASTY[:-24]
)
NOTHING = compare([], [], ListedPrices())


def checked(text: str, schema: str):
    """The document, which fits its published schema."""
    document = json.loads(text)
    rules = json.loads((files(cost_advice) / schema).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(rules)
    jsonschema.Draft202012Validator(rules).validate(document)
    return document


@pytest.mark.parametrize("advice", [FULL, EMPTY], ids=["full", "empty"])
def test_advice_fits_its_schema(advice: Advice) -> None:
    """A program that reads the JSON by its schema fails."""
    document = checked(advice_json(advice, version="1.2.3"), "advice.schema.json")
    assert document["tool"] == {"name": "tta cost advise", "version": "1.2.3"}
    assert document["spend"] == advice.spend
    assert [each["name"] for each in document["levers"]] == [each.name for each in advice.levers]
    assert date.fromisoformat(document["price_snapshot"]) == advice.price_snapshot


@pytest.mark.parametrize("comparison", [CHANGED, NOTHING], ids=["changed", "nothing"])
def test_comparison_fits_its_schema(comparison: Comparison) -> None:
    """A program that reads the JSON by its schema fails."""
    document = checked(comparison_json(comparison, version="1.2.3"), "comparison.schema.json")
    assert document["total"]["difference"] == comparison.total.difference
    assert document["total"]["parts"] == comparison.total.parts


def test_text_tells_the_lever_its_evidence_and_its_code() -> None:
    """A reader sees dollars, and neither why nor how."""
    text = "\n".join(advice_lines(told(REPEATED)))
    assert (
        text
        == """\
3 requests, $6.00 spent, 2023-11-14 22:13 to 2023-11-14 22:13 UTC
prices: a price list, listed on 2026-08-01

1. exact repeats   $4.00 (66.7%), measured
   2 of 3 (66.7%) with a key ask again what was answered within 3600 s, with 10,000 entries
   - Where is my parcel? (2 times, $4.00)
   assumed: the answer given before is good enough for the same request
       from tta_dev_primitives import CachePrimitive
       ask = CachePrimitive(ask, ttl_seconds=3600)

2. wasted retries  $0 (0.0%), upper bound
   0 of 3 (0.0%) calls failed

not judged:
- near repeats: only 1 different text, fewer than 8 at each place, where a template cannot be told \
from a question
- cheaper model: no answered request has scores of the model asked and of another one; record \
them as {"scores": {"model-a": 1, "model-b": 0}}
- prompt caching: no answered prompt with a text has 1,024 tokens, below which providers keep none
- shorter outputs: no place and model has 100 answers with output tokens, and with fewer a 95th \
percentile says little

note: levers are not additive: each is reckoned on the whole traffic as it is, and what one saves \
another cannot save again"""
    )


def test_text_of_a_comparison_tells_why() -> None:
    """A reader sees that it got dearer, and not why."""
    before = [request(n, ts=n * DAY / 4) for n in range(9)]
    after = [request(n, ts=n * DAY / 2, cached=80) for n in range(9)]
    text = "\n".join(comparison_lines(compare(before, after, ListedPrices())))
    assert (
        text
        == """\
before to after: $18.00 to $11.52, -$6.48 (-36.0%)
a day: $9.00 to $2.88, -$6.12 (-68.0%), over 2.0 and 4.0 days
prices: a price list, listed on 2026-08-01

why            change   a day
cached share   -$6.48  -$2.43
volume             $0  -$3.69
mix of places      $0      $0
mix of models      $0      $0
input tokens       $0      $0
output tokens      $0      $0
price              $0      $0
waste              $0      $0
together       -$6.48  -$6.12

                                   before             after
first request (UTC)      2023-11-14 22:13  2023-11-14 22:13
last request (UTC)       2023-11-16 22:13  2023-11-18 22:13
requests                                9                 9
failed                                  0                 0
spent                              $18.00            $11.52
wasted on failed calls                 $0                $0
input tokens an answer                100               100
of these cached                      0.0%             80.0%
output tokens an answer                50                50

model  before   after  change  mostly
large  $18.00  $11.52  -$6.48  cached share -$6.48

place  before   after  change  mostly
0.ask  $18.00  $11.52  -$6.48  cached share -$6.48

note: each part is the mean change over all orders in which the factors can go from the first \
period to the second (Shapley value), so no order is preferred and the parts add up"""
    )


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(advice_lines(FULL)),
        advice_markdown(FULL),
        advice_json(FULL, version="1"),
        "\n".join(comparison_lines(CHANGED)),
        comparison_markdown(CHANGED),
    ],
    ids=["text", "markdown", "json", "diff-text", "diff-markdown"],
)
def test_names_from_outside_move_nothing_and_leak_nothing(text: str) -> None:
    """A place's name moves the cursor, or holds a key."""
    assert "\x1b" not in text
    assert "q8Wz" not in text


@pytest.mark.parametrize(
    "page", [advice_markdown(FULL), comparison_markdown(CHANGED)], ids=["advice", "comparison"]
)
def test_markdown_keeps_its_tables_and_calls_nobody(page: str) -> None:
    """A place's name ends a cell, writes HTML, or mentions a team."""
    outside_code = [
        part for line in page.splitlines() for part in line.replace("`` ", "`").split("`")[::2]
    ]
    assert not any("@team" in part or "#12" in part for part in outside_code)
    assert not any("<script>" in part.replace("\\<", "") for part in outside_code)
    columns = 0
    for line in page.splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        cells = line.replace("\\|", "").count("|")
        assert columns in (0, cells)
        columns = cells


@pytest.mark.parametrize("comparison", [CHANGED, NOTHING], ids=["changed", "nothing"])
def test_markdown_of_a_comparison_has_each_factor(comparison: Comparison) -> None:
    """A factor is missing from the table, or an empty comparison fails."""
    page = comparison_markdown(comparison)
    assert all(f"| {factor} |" in page for factor in comparison.total.parts)


def test_empty_advice_says_so() -> None:
    """An empty report is taken for a clean one."""
    for text in ("\n".join(advice_lines(EMPTY)), advice_markdown(EMPTY)):
        assert "there are no requests, so there is nothing to judge" in text


def test_a_file_called_like_a_list_makes_none() -> None:
    """The advice on `1. april.jsonl` became the first item of a list."""
    advice = replace(FULL, source="1. april.jsonl")
    assert "\n1\\. april.jsonl: " in advice_markdown(advice)
