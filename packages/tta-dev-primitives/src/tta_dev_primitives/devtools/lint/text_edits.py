"""Applying fixes to text: whole ones that overlap no earlier one, if the text still parses."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.findings.finding import characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tta_dev_primitives.devtools.findings.finding import Edit, Fix

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Edited:
    """Text after some fixes.

    Args:
        text: What it is now.
        applied: The fixes that are in it.
        refused: Fixes that would have broken it.
    """

    text: str
    applied: tuple[Fix, ...]
    refused: tuple[Fix, ...]


def apply_fixes(text: str, fixes: Sequence[Fix]) -> Edited:
    """Apply *fixes* in the order of their places; where two overlap, the first wins.

    The others are left for a next round, where their places are known anew. The result parses if
    *text* did: a fix that breaks it is refused.

    Args:
        text: The source. Its line ends stay; new lines get the commonest one.
        fixes: Those of one file.
    """
    places = _Places(text)
    chosen = _without_overlap(places, fixes)
    together = places.replace(edit for fix in chosen for edit in fix.edits)
    if not chosen or parses(together):
        return Edited(together, tuple(chosen), ())
    kept: list[Fix] = []
    refused: list[Fix] = []
    result = text
    for fix in chosen:
        tried = places.replace(edit for each in (*kept, fix) for edit in each.edits)
        if parses(tried):
            kept.append(fix)
            result = tried
        else:
            refused.append(fix)
    return Edited(result, tuple(kept), tuple(refused))


def parses(text: str) -> bool:
    """Tell whether *text* is Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


class _Places:
    """Where the lines of a text begin and end, so that edits become slices of it."""

    def __init__(self, text: str) -> None:
        self._text = text
        ends = [match.span() for match in _LINE_END.finditer(text)]
        self._starts = [0, *(end for _, end in ends)]
        self._ends = [*(start for start, _ in ends), len(text)]
        self._line_end = dominant_line_end(text)

    def span(self, edit: Edit) -> tuple[int, int] | None:
        """Return the slice that an edit replaces, None for one that lies outside of the text."""
        start, end = self._offset(*edit.start), self._offset(*edit.end)
        return None if start is None or end is None or end < start else (start, end)

    def replace(self, edits: Iterable[Edit]) -> str:
        spans = [(self.span(edit), edit.new_text) for edit in edits]
        text = self._text
        known = ((span, new_text) for span, new_text in spans if span is not None)
        for (start, end), new_text in sorted(known, reverse=True):
            text = text[:start] + new_text.replace("\n", self._line_end) + text[end:]
        return text

    def _offset(self, line: int, column: int) -> int | None:
        if not 1 <= line <= len(self._starts) or column < 0:
            return None
        content = self._text[self._starts[line - 1] : self._ends[line - 1]]
        offset = characters(content, column)
        return self._starts[line - 1] + offset if offset <= len(content) else None


def dominant_line_end(text: str) -> str:
    """Return the line end that *text* uses most, a line feed where it has none."""
    counts = Counter(_LINE_END.findall(text))
    return counts.most_common(1)[0][0] if counts else "\n"


def _without_overlap(places: _Places, fixes: Sequence[Fix]) -> list[Fix]:
    """Choose fixes of which no two touch the same text, earlier ones first."""
    known: list[tuple[list[tuple[int, int]], Fix]] = []
    for fix in fixes:
        spans = [places.span(edit) for edit in fix.edits]
        inside = sorted(span for span in spans if span is not None)
        whole = inside and len(inside) == len(spans)
        if whole and not any(_touch(one, other) for one, other in pairwise(inside)):
            known.append((inside, fix))
    known.sort(key=lambda item: item[0])
    taken: list[tuple[int, int]] = []
    chosen: list[Fix] = []
    for spans, fix in known:
        if not any(_touch(span, other) for span in spans for other in taken):
            taken.extend(spans)
            chosen.append(fix)
    return chosen


def _touch(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two slices share text, or put something into the same place."""
    if one == other:
        return True
    return one[0] < other[1] and other[0] < one[1]
