"""A report as one page of HTML that needs no network and no script."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from .bar_chart import bar_chart
from .curve_chart import curve_chart
from .html_parts import listed, safe, table_html
from .statements import ADOPTION_NOTE, facts, proven, unproven
from .tables import adoption_table, cost_table, curve_table, lever_table, quality_table
from .whisker_chart import whisker_chart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .report import CostReport
    from .tables import Table

_KINDS: Final = {"PASS": "pass", "FAIL": "fail", "NOT MEASURED": "none"}


def as_html(report: CostReport) -> str:
    """Return one page with everything in it, for any screen, light or dark, and for paper.

    Nothing that the traffic or the code holds becomes part of the page: all of it is escaped, and
    a policy in the page allows its own style alone.

    Args:
        report: What to show.
    """
    return "".join(_page(report))


def _page(report: CostReport) -> Iterator[str]:
    measurement = report.measurement
    status = measurement.verdict.status
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
    yield '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    yield f"style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">\n"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="color-scheme" content="light dark">'
    yield '<meta name="referrer" content="no-referrer">\n'
    yield f"<title>Cost: {status}</title>\n<style>{style}</style></head>\n"
    yield "<body><header><h1>What the primitives save</h1>\n"
    yield f'<div class="verdict {_KINDS[status]}"><strong>{status}</strong>'
    yield f"{listed(measurement.verdict.reasons)}</div>\n<dl>"
    for label, text in facts(measurement):
        yield f"<dt>{label}</dt><dd>{safe(text)}</dd>\n"
    yield "</dl></header>\n<main>\n"
    costs = bar_chart(measurement) if measurement.arms else ""
    yield from _section(costs, cost_table(report))
    yield from _section("", quality_table(report))
    yield from _section(whisker_chart(report), lever_table(report))
    yield from _section(curve_chart(measurement), curve_table(report))
    if report.adoption is not None:
        table = adoption_table(report.adoption)
        yield from _section("", table, ADOPTION_NOTE if table.rows else "")
    for title, sentences in (
        ("Notes", measurement.notes),
        ("What this proves", proven(report)),
        ("What this does not prove", unproven(report)),
    ):
        if sentences:
            yield f"<section><h2>{title}</h2>\n{listed(sentences)}</section>\n"
    yield "</main></body></html>\n"


def _section(chart: str, table: Table, note: str = "") -> Iterator[str]:
    heading = table.title.lower().replace(" ", "-")
    yield f'<section><h2 id="{heading}">{safe(table.title)}</h2>\n'
    yield f'<div class="pair">{chart}<div>' if chart else '<div class="alone"><div>'
    yield table_html(table, heading)
    if note:
        yield f'<p class="note">{safe(note)}</p>'
    yield "</div></div></section>\n"


@cache
def _style() -> str:
    return files(__package__ or "").joinpath("page.css").read_text(encoding="utf-8")
