"""One test of a run as HTML."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final

from keploy_framework.report.html.body_lines import (
    Mark,
    MarkedLine,
    marked_bodies,
    plain_lines,
)
from keploy_framework.report.summary import shown_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keploy_framework.report.differences import DifferenceView
    from keploy_framework.report.view import MessageView, MissView, TestView

# What no page may hold, and what turns the direction of text around.
_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe"
    "\uffff]"
)


def safe(text: str) -> str:
    """Give a text that is nothing but text in HTML, within quotes too."""
    return escape(_CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def case_html(test: TestView, *, is_open: bool) -> Iterator[str]:
    """Yield one test: a line that opens, and all about it below.

    Args:
        test: The test.
        is_open: Whether it is open at first.
    """
    status = test.status.lower() if test.status.isalpha() else "unknown"
    risk = f'<span class="risk">{safe(test.risk.lower())} risk</span>' if test.risk else ""
    yield (
        f'<details class="test {status}" data-status="{status}"{" open" * is_open}>'
        f'<summary><span class="status">{safe(test.status)}</span>'
        f'<span class="name">{safe(test.name)}</span>'
        f'<span class="call">{safe(test.request.first_line)}</span>'
        f'{risk}<span class="time">{shown_seconds(test.seconds)}</span></summary>'
        f'<div class="inside">'
    )
    yield from _reasons(test)
    yield from _request(test.request)
    if test.status == "PASSED" and test.expected.body == test.actual.body:
        yield '<div class="sides">'
        yield from _side("Response", "actual", test.actual, plain_lines(test.actual.body), ())
    else:
        yield '<div class="sides two">'
        paths = [one.path for one in test.differences]
        in_body = [path for path in paths if path.lower().startswith("body")]
        left, right = marked_bodies(test.expected.body, test.actual.body, in_body)
        yield from _side("Expected", "expected", test.expected, left, paths)
        yield from _side("Actual", "actual", test.actual, right, paths)
    yield "</div></div></details>\n"


def _reasons(test: TestView) -> Iterator[str]:
    if test.reason:
        yield f'<p class="reason">{safe(test.reason)}</p>'
    if test.differences:
        yield '<table class="differences"><thead><tr><th>What differs</th><th>Expected</th>'
        yield "<th>Actual</th></tr></thead><tbody>"
        yield from (_difference(one) for one in test.differences)
        yield "</tbody></table>"
    for miss in test.misses:
        yield from _miss(miss)
    for warning in test.warnings:
        yield f'<p class="note">{safe(warning)}</p>'
    if test.noise:
        names = ", ".join(f"<code>{safe(name)}</code>" for name in test.noise)
        yield f'<p class="note">Not compared: {names}</p>'


def _difference(one: DifferenceView) -> str:
    expected = safe(one.expected) if one.change != "added" else "<i>nothing</i>"
    actual = safe(one.actual) if one.change != "removed" else "<i>nothing</i>"
    return (
        f'<tr><th scope="row">{safe(one.place)} <small>{safe(one.change)}</small></th>'
        f'<td class="expected" data-label="Expected">{expected}</td>'
        f'<td class="actual" data-label="Actual">{actual}</td></tr>'
    )


def _miss(miss: MissView) -> Iterator[str]:
    yield f'<div class="miss"><p>No mock answers <code>{safe(miss.request)}</code></p><ul>'
    if miss.nearest:
        yield f"<li>nearest is {safe(miss.nearest)}, lost by its {safe(miss.phase)}</li>"
    yield from (f"<li>{safe(line)}</li>" for line in (*miss.differences, miss.next_move) if line)
    yield "</ul></div>"


def _request(request: MessageView) -> Iterator[str]:
    yield f'<section class="message request"><h4>Request</h4><p>{safe(request.first_line)}</p>'
    yield from _headers(request.headers, frozenset())
    yield from _body(plain_lines(request.body))
    yield "</section>"


def _side(
    title: str, kind: str, message: MessageView, lines: list[MarkedLine], paths: Iterable[str]
) -> Iterator[str]:
    named = frozenset(path.lower() for path in paths)
    mark = f' class="{Mark.DIFFERENT}"' if "status" in named else ""
    first = safe(message.first_line) or "<i>nothing came</i>"
    yield f'<section class="message {kind}"><h4>{title}</h4><p><span{mark}>{first}</span></p>'
    yield from _headers(message.headers, named)
    yield from _body(lines)
    yield "</section>"


def _headers(headers: tuple[tuple[str, str], ...], named: frozenset[str]) -> Iterator[str]:
    if not headers:
        return
    different = sum(f"header.{name.lower()}" in named for name, _ in headers)
    yield f'<details class="headers"{" open" * bool(different)}><summary>'
    yield f"{len(headers)} header{'s' * (len(headers) != 1)}</summary><dl>"
    for name, value in headers:
        mark = f' class="{Mark.DIFFERENT}"' if f"header.{name.lower()}" in named else ""
        yield f"<div{mark}><dt>{safe(name)}</dt><dd>{safe(value)}</dd></div>"
    yield "</dl></details>"


def _body(lines: list[MarkedLine]) -> Iterator[str]:
    if not lines:
        return
    yield '<pre tabindex="0">'
    for text, mark in lines:
        shown = safe(text)
        yield f'<span class="{mark}">{shown}\n</span>' if mark else f"{shown}\n"
    yield "</pre>"
