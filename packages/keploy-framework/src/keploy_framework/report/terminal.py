"""A run as text for a terminal: a table of the sets, and why tests failed."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

from keploy_framework.report.summary import shown_seconds, summary_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keploy_framework.report.view import ReportedRun, SetView, TestView

_CODES: Final = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}
_HEADINGS: Final = ("set", "status", "tests", "failed", "passed", "ignored", "time")
_NARROWEST: Final = 40
_MOST_DIFFERENCES: Final = 12
# What would move the cursor, recolour the screen, or reverse the text.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class TerminalStyle:
    """How to write to a terminal.

    Args:
        colour: Whether to colour.
        width: How many columns a line may have; 0 for any number.
    """

    colour: bool = False
    width: int = 0


def terminal_style(stream: TextIO, environment: Mapping[str, str] = os.environ) -> TerminalStyle:
    """Choose how to write to a stream: with colours and as wide as the terminal, if it is one.

    ``NO_COLOR`` with any value, or ``TERM=dumb``, turns colours off; ``FORCE_COLOR`` turns them
    on where the stream is no terminal.

    Args:
        stream: Where the text will go.
        environment: Variables by name.
    """
    is_terminal = stream.isatty()
    wanted = is_terminal or bool(environment.get("FORCE_COLOR"))
    refused = bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"
    columns = shutil.get_terminal_size((100, 24)).columns if is_terminal else 0
    return TerminalStyle(wanted and not refused, columns)


def terminal_report(
    run: ReportedRun, style: TerminalStyle | None = None, *, full: bool = False
) -> str:
    """Write a run as text: the sets, why tests failed, and the summary as the last line.

    Nothing in a response can move the cursor or colour the screen: control characters are
    shown as escapes.

    Args:
        run: The run.
        style: How to write; without it plain, and as wide as it gets.
        full: Whether to write every difference, with the values in whole, and the tests that
            passed, too.
    """
    chosen = style or TerminalStyle()
    writer = _Writer(chosen, full=full)
    lines = [*writer.table(run)]
    for one in run.sets:
        lines += writer.details(one)
    lines += ["", writer.paint(summary_line(run), "green" if run.passed else "red")]
    return "\n".join(lines) + "\n"


class _Writer:
    __slots__ = ("_full", "_style")

    def __init__(self, style: TerminalStyle, *, full: bool) -> None:
        self._style = style
        self._full = full

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self._style.colour and text else text

    def table(self, run: ReportedRun) -> Iterator[str]:
        rows = [_HEADINGS, *(_row(one) for one in run.sets)]
        widths = [max(_columns(row[at]) for row in rows) for at in range(len(_HEADINGS))]
        if self._style.width:
            others = sum(widths[1:]) + 2 * (len(widths) - 1)
            widths[0] = max(8, min(widths[0], self._style.width - others))
        for at, row in enumerate(rows):
            first = _padded(_shortened(row[0], widths[0]), widths[0])
            status = _padded(row[1], widths[1])
            rest = "  ".join(
                text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True)
            )
            if at == 0:
                yield self.paint(f"{first}  {status}  {rest}".rstrip(), "bold")
            else:
                fine = run.sets[at - 1].passed
                yield f"{first}  {self.paint(status, 'green' if fine else 'red')}  {rest}".rstrip()

    def details(self, one: SetView) -> Iterator[str]:
        if one.reason:
            yield ""
            yield from self._wrapped(f"{one.name}: {one.reason}", "", "red")
        for line in one.app_log.splitlines():
            yield from self._wrapped(line, "  | ", "dim")
        not_run: dict[str, list[str]] = {}
        for test in one.tests:
            if test.failed and not test.was_run and not self._full:
                not_run.setdefault(test.reason, []).append(test.name)
            elif test.failed or self._full:
                yield ""
                yield from self._test(test)
        for reason, names in not_run.items():
            yield ""
            title = f"FAILED {one.name}/{names[0]}"
            if len(names) > 1:
                title = f"{title} and {len(names) - 1} more"
            yield from self._wrapped(title, "", "red")
            yield from self._wrapped(reason, "  ", "")

    def _test(self, test: TestView) -> Iterator[str]:
        title = f"{test.status} {test.test_set}/{test.name}"
        risk = f"  {test.risk} risk" if test.risk else ""
        colour = "red" if test.failed else "green" if test.status == "PASSED" else "yellow"
        yield from self._wrapped(f"{title}{risk}  {shown_seconds(test.seconds)}", "", colour)
        yield from self._wrapped(test.request.first_line, "  ", "dim")
        if test.reason:
            yield from self._wrapped(test.reason, "  ", "")
        shown = test.differences if self._full else test.differences[:_MOST_DIFFERENCES]
        for difference in shown:
            yield from self._wrapped(difference.place, "  ", "bold")
            if difference.expected or difference.change != "added":
                yield from self._wrapped(difference.expected, "    - ", "red")
            if difference.actual or difference.change != "removed":
                yield from self._wrapped(difference.actual, "    + ", "green")
        left = len(test.differences) - len(shown)
        if left:
            yield f"  and {left} more differences"
        for miss in test.misses:
            yield from self._wrapped(f"no mock answers {miss.request}", "  ", "yellow")
            lines = (f"nearest: {miss.nearest} ({miss.phase})" if miss.nearest else "",)
            yield from self._each((*lines, *miss.differences, miss.next_move), "    ")
        yield from self._each((f"note: {text}" for text in test.warnings), "  ")

    def _each(self, texts: Iterable[str], before: str) -> Iterator[str]:
        for text in texts:
            if text:
                yield from self._wrapped(text, before, "")

    def _wrapped(self, text: str, before: str, colour: str) -> Iterator[str]:
        """Break a text into lines that fit, and colour each by itself."""
        safe = _CONTROLS.sub(_escape, text)
        width = max(_NARROWEST, self._style.width) - len(before) if self._style.width else 0
        pieces = list(_pieces(safe, width)) if width else [safe]
        for at, piece in enumerate(pieces):
            start = before if at == 0 else " " * len(before)
            yield start + (self.paint(piece, colour) if colour else piece)


def _row(one: SetView) -> tuple[str, ...]:
    counts = (len(one.tests), one.count("FAILED"), one.count("PASSED"))
    ignored = one.count("IGNORED") + one.count("OBSOLETE")
    name = _CONTROLS.sub(_escape, one.name)
    return (name, one.status, *map(str, counts), str(ignored), shown_seconds(one.seconds))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _columns(text: str) -> int:
    """Count the columns a text takes; characters of East Asia take two."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


def _pieces(text: str, width: int) -> Iterator[str]:
    """Cut a text at columns, not at words: values must stay as they are."""
    if len(text) * 2 <= width or _columns(text) <= width:
        yield text
        return
    start, used = 0, 0
    for at, character in enumerate(text):
        columns = _columns(character)
        if used + columns > width:
            yield text[start:at]
            start, used = at, 0
        used += columns
    yield text[start:]


def _shortened(text: str, width: int) -> str:
    if _columns(text) <= width:
        return text
    return next(_pieces(text, width - 1)) + "\u2026"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))
