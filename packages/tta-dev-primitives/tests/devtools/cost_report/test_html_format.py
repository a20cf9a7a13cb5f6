from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.cost_report.html_format import as_html
from tta_dev_primitives.devtools.cost_report.report import CostReport
from tta_dev_primitives.devtools.written.one_line import one_line

from .page_here import Page
from .reports_here import REPORTS, measurement, named, passing

every_report = pytest.mark.parametrize("name", REPORTS)


@pytest.mark.parametrize(
    "text",
    [
        "</title><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "<!--",
        "</style><style>*{display:none}",
        "</svg><a href='javascript:x'>",
        "'\"`",
        "&lt;script&gt;",
        "\x00<b>\x1b[2J",
    ],
)
def test_markup_in_a_name_stays_text(text: str) -> None:
    """A model's name ran a script in the page of whoever read the report."""
    page, plain = Page(as_html(named(text))), Page(as_html(named("plain")))
    assert [(tag, set(attributes)) for tag, attributes in page.elements] == [
        (tag, set(attributes)) for tag, attributes in plain.elements
    ]
    assert one_line(text) in page.texts


@given(st.text(max_size=40))
def test_any_text_leaves_the_page_whole(text: str) -> None:
    """A character in a file's name broke the page."""
    page = Page(as_html(named(text)))
    assert len(page.of("h2")) == 8
    assert not one_line(text) or one_line(text) in page.texts


@every_report
def test_page_needs_no_network_and_no_script(name: str) -> None:
    """The page asked a server for something, or did nothing without its script."""
    text = as_html(REPORTS[name])
    for tag, attributes in Page(text).elements:
        assert tag not in {"script", "img", "link", "iframe", "object", "a"}
        assert not {"src", "href", "xlink:href", "style", "action"} & attributes.keys()
    assert "url(" not in text
    assert "@import" not in text


@every_report
def test_policy_allows_its_own_style_alone(name: str) -> None:
    """The browser refused the page's own style, or allowed another one."""
    text = as_html(REPORTS[name])
    (policy,) = [
        each["content"]
        for each in Page(text).of("meta")
        if each.get("http-equiv") == "Content-Security-Policy"
    ]
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


@every_report
def test_names_of_elements_are_unique_and_lead_somewhere(name: str) -> None:
    """A reader of screens was sent to a heading that is not there."""
    page = Page(as_html(REPORTS[name]))
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    for _, attributes in page.elements:
        assert set(attributes.get("aria-labelledby", "").split()) <= set(names)


@every_report
def test_verdict_stands_in_the_title_and_before_all_figures(name: str) -> None:
    """Somebody read the saving, and the verdict was further down."""
    report = REPORTS[name]
    status = report.measurement.verdict.status
    text = as_html(report)
    assert f"<title>Cost: {status}</title>" in text
    assert text.index(f"<strong>{status}</strong>") < text.index("<main>")


def test_every_chart_has_a_name_a_description_and_its_table() -> None:
    """Who cannot see the chart learned nothing from the page."""
    page = Page(as_html(passing()))
    charts = page.of("svg", "chart")
    assert len(charts) == 3
    for chart in charts:
        assert chart["role"] == "img"
        assert len(chart["aria-labelledby"].split()) == 2
    assert len(page.of("title")) == 1 + 3
    assert len(page.of("desc")) == 3
    headings = {each["aria-labelledby"] for each in page.of("table")}
    assert {"cost-by-arm", "saving-by-lever", "quality-at-each-saving"} <= headings


@pytest.mark.parametrize(
    ("report", "charts", "said"),
    [
        (REPORTS["nothing"], 0, "No request was served, so there is no cost."),
        (REPORTS["nothing"], 0, "No lever was measured."),
        (REPORTS["fail"], 2, "No router was measured, or the traffic has no scores."),
        (REPORTS["fail"], 2, "Quality was not measured."),
    ],
    ids=["no-arms", "no-levers", "no-router", "no-quality"],
)
def test_what_is_missing_is_said(report: CostReport, charts: int, said: str) -> None:
    """An empty frame stood where a chart should be."""
    page = Page(as_html(report))
    assert len(page.of("svg", "chart")) == charts
    assert said in page.texts


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"scored": 0.9}, "The quality of the 10.0% of the requests that lack scores."),
        ({"fitted_on": 50}, "fitted on other requests than the 50 before these."),
        ({"keyed": 0.5}, "How often the 50.0% of the requests repeat"),
        ({"arms": ()}, "What becomes of the quality: it was not measured."),
    ],
)
def test_what_is_not_proven_follows_from_what_was_not_seen(figures: dict, said: str) -> None:
    """A page without one score let its reader believe in the quality."""
    complete = {"scored": 1.0, "keyed": 1.0, "fitted_on": 0}
    assert said not in as_html(CostReport(measurement(**complete)))
    assert said in as_html(CostReport(measurement(**complete | figures)))


def test_no_verdict_proves_nothing() -> None:
    """Twelve tickets were shown as a proof."""
    text = as_html(REPORTS["nothing"])
    assert "Nothing yet: too little was measured for a verdict." in text
    assert "save at least" not in text


def test_quality_that_was_not_measured_is_not_promised() -> None:
    """Traffic without scores passed, and its page promised 95% of the quality."""
    assert "and keep at least 95% of the quality" in as_html(passing())
    arms = tuple(replace(arm, quality=None) for arm in passing().measurement.arms)
    text = as_html(CostReport(measurement(arms=arms)))
    assert "the primitives save at least 40%: with 95% confidence" in text
    assert "keep at least" not in text


def test_notes_are_left_out_where_there_are_none() -> None:
    """A heading with nothing below it."""
    assert "<h2>Notes</h2>" in as_html(passing())
    without = CostReport(replace(passing().measurement, notes=()))
    assert "<h2>Notes</h2>" not in as_html(without)
