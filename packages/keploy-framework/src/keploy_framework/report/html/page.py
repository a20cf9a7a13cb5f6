"""The page: its head, the summary, the filters, and the sets."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from keploy_framework.formats.narrow import is_list, is_mapping
from keploy_framework.report.html.case_parts import case_html, safe
from keploy_framework.report.summary import shown_seconds, summary_line
from keploy_framework.report.view import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keploy_framework.report.view import ReportedRun, SetView

_MOST_OPEN: Final = 3
_MOST_NAMES: Final = 20
_PACKAGE: Final = "keploy_framework.report.html"


def html_page(run: ReportedRun) -> str:
    """Write a run as one HTML page with everything in it.

    It needs no network and no server, works without its script but for the filters, and can be
    printed. Nothing that a request or a response holds becomes part of the page: all of it is
    escaped, and a policy in the page allows its own script and style alone.

    Args:
        run: The run.
    """
    return "".join(_page(run))


def _page(run: ReportedRun) -> Iterator[str]:
    style, script = _asset("style.css"), _asset("script.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    verdict = "passed" if run.passed else "failed"
    yield "<!doctype html>\n"
    yield '<html lang="en"><head><meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="color-scheme" content="light dark"><meta name="referrer" '
    yield 'content="no-referrer">\n'
    yield f"<title>{safe(run.name)}: {verdict}</title>\n"
    yield f"<style>{style}</style></head>\n"
    yield f'<body><header class="{verdict}"><h1>{safe(run.name)} <span>{verdict}</span></h1>\n'
    yield f"<p>{safe(summary_line(run))}</p>"
    yield from _bar(run)
    yield "</header>\n"
    yield from _filters(run)
    yield "<main>\n"
    opened = 0
    for one in run.sets:
        yield from _set_head(one)
        for test in one.tests:
            is_open = test.failed and opened < _MOST_OPEN
            opened += is_open
            yield from case_html(test, is_open=is_open)
        yield "</section>\n"
    if not run.tests:
        yield "<p>No test was run.</p>\n"
    yield '<p id="none" hidden>No test fits the filters.</p>\n'
    yield f"</main>\n<script>{script}</script></body></html>\n"


def _bar(run: ReportedRun) -> Iterator[str]:
    """Yield a bar whose parts are as long as the shares of the tests."""
    if not run.tests:
        return
    yield '<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">'
    at = 0.0
    for status in STATUSES:
        width = 1000 * run.count(status) / len(run.tests)
        if width:
            yield f'<rect class="{status.lower()}" x="{at:.2f}" width="{width:.2f}" height="10"/>'
        at += width
    yield "</svg>"


def _filters(run: ReportedRun) -> Iterator[str]:
    yield '<form id="filters" hidden><input type="search" id="search" aria-label="Find text" '
    yield 'placeholder="Find text" autocomplete="off">'
    yield '<select id="set" aria-label="Test set"><option value="">All sets</option>'
    for at, one in enumerate(run.sets):
        yield f'<option value="{at}">{safe(one.name)}</option>'
    yield '</select><span class="chips">'
    for status in STATUSES:
        if run.count(status):
            yield f'<label class="chip {status.lower()}"><input type="checkbox" value='
            yield f'"{status.lower()}" checked>{status.lower()} <b>{run.count(status)}</b></label>'
    yield '</span><span id="shown" role="status"></span>'
    yield '<button type="button" id="open">Open all</button></form>\n'


def _set_head(one: SetView) -> Iterator[str]:
    kind = "passed" if one.passed else "failed"
    when = ""
    if one.created_at > 0:
        moment = datetime.fromtimestamp(min(one.created_at, 4_000_000_000), UTC)
        when = f', <time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%Y-%m-%d %H:%M} UTC</time>'
    counts = ", ".join(
        f"{one.count(status)} {status.lower()}" for status in STATUSES if one.count(status)
    )
    yield f'<section class="set {kind}"><h2>{safe(one.name)} <span class="status">'
    yield f"{safe(one.status)}</span></h2>"
    yield f'<p class="meta">{counts or "no tests"}, {shown_seconds(one.seconds)}{when}</p>\n'
    if one.reason:
        yield f'<p class="reason">{safe(one.reason)}</p>'
    if one.app_log:
        yield '<details class="log" open><summary>What the app wrote last</summary>'
        yield f'<pre tabindex="0">{safe(one.app_log)}</pre></details>'
    yield from _mock_usage(one)


def _mock_usage(one: SetView) -> Iterator[str]:
    unused, overused = one.mock_usage.get("unused"), one.mock_usage.get("overused")
    lines: list[str] = []
    if is_list(unused) and unused:
        names = ", ".join(safe(str(name)) for name in unused[:_MOST_NAMES])
        lines.append(f"{len(unused)} mocks were not used: {names}")
    if is_mapping(overused) and overused:
        names = ", ".join(safe(f"{name} ({count})") for name, count in overused.items())
        lines.append(f"Mocks that answered more often than recorded: {names}")
    yield from (f'<p class="note">{line}</p>' for line in lines)


@cache
def _asset(name: str) -> str:
    return files(_PACKAGE).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
