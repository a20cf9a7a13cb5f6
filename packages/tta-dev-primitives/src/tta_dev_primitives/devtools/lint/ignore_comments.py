"""Holding findings against the comments that silence them, and telling of idle comments."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.findings.finding import Edit, Finding, Fix
from tta_dev_primitives.devtools.rules.all_rules import RULES
from tta_dev_primitives.devtools.source.source_file import Position

from .selection import UNUSED
from .settings import nearest
from .suppressions import read_suppressions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tta_dev_primitives.devtools.source.source_file import SourceFile

    from .suppressions import Suppression

_CODES: Final = frozenset(rule.code for rule in RULES)


@dataclass(frozen=True, slots=True)
class Silenced:
    """Findings of one file, parted by its comments.

    Args:
        kept: What no comment silences.
        silenced: What one does.
        idle: Comments, and codes in them, that silence nothing.
    """

    kept: list[Finding]
    silenced: list[Finding]
    idle: list[tuple[Suppression, str]]


class IgnoreComments:
    """The comments of one file that silence findings."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._comments = read_suppressions(file.text)

    def apply(self, findings: Iterable[Finding]) -> Silenced:
        """Part the findings; those a comment silences do not come back."""
        kept: list[Finding] = []
        silenced: list[Finding] = []
        used: set[tuple[Suppression, str]] = set()
        for finding in findings:
            position = finding.position
            first = self._file.text_line(position) if self._comments else position.line
            last = first + position.end_line - position.line
            fitting = [each for each in self._comments if each.covers(finding.code, first, last)]
            used.update((comment, finding.code) for comment in fitting)
            (silenced if fitting else kept).append(finding)
        every = ((comment, code) for comment in self._comments for code in comment.codes)
        return Silenced(kept, silenced, [each for each in every if each not in used])

    def findings(
        self, idle: Iterable[tuple[Suppression, str]], running: frozenset[str], *, reasons: bool
    ) -> Iterator[Finding]:
        """Tell of comments that do nothing, or lack what the project asks for.

        Args:
            idle: What `apply` found to silence nothing.
            running: The codes of the rules that ran; of others nobody knows.
            reasons: Whether a comment needs one.
        """
        useless: set[Suppression] = set()
        for comment, code in idle:
            if code not in _CODES:
                useless.add(comment)
                yield self._finding(comment, f"there is no rule {code}{nearest(code, _CODES)}")
            elif code in running:
                useless.add(comment)
                fix = None if self._file.is_notebook else self._removal(comment, code)
                yield self._finding(comment, f"no finding of {code} is silenced here", fix)
        for comment in self._comments:
            if not comment.codes:
                told = "the comment names no rule and silences nothing; write ignore[TTA101]"
                yield self._finding(comment, told)
            elif reasons and not comment.reason and comment not in useless:
                yield self._finding(comment, "the comment gives no reason; write it behind the ]")

    def _finding(self, comment: Suppression, message: str, fix: Fix | None = None) -> Finding:
        node = ast.Pass(lineno=comment.line, col_offset=0, end_lineno=comment.line)
        place = self._file.position(node)
        position = Position(place.line, comment.start, place.line, comment.end, place.cell)
        return Finding(UNUSED, message, self._file.path, position, "", fix=fix)

    def _removal(self, comment: Suppression, code: str) -> Fix:
        """Take the code out of the comment, and the comment away with its last one."""
        text = self._file.line_text(comment.line)
        start, end, new_text = comment.start, comment.end, ""
        if len(comment.codes) > 1:
            start = text.index("[", start) + 1
            end = text.index("]", start)
            new_text = ", ".join(other for other in comment.codes if other != code)
        elif text[end:].strip():  # another comment follows and takes the place
            end = len(text) - len(text[end:].lstrip())
        elif comment.is_alone and comment.line < len(self._file.lines):
            whole = Edit((comment.line, 0), (comment.line + 1, 0), "")
            return Fix("Remove the comment", (whole,), is_safe=True)
        else:
            start = len(text[:start].rstrip())
        columns = (len(text[:column].encode("utf-8", "surrogatepass")) for column in (start, end))
        first, last = ((comment.line, column) for column in columns)
        message = f"Remove {code} from the comment" if new_text else "Remove the comment"
        return Fix(message, (Edit(first, last, new_text),), is_safe=True)
