"""Comments that silence a finding at its place: `# tta: ignore[TTA101] the gateway limits it`.

A comment counts for the statement it stands behind, or for the next one if it has a line of its
own. In a statement of several lines, one between the first and the last counts for what begins or
spans its line. Only real comments count: the same words in a string do nothing.
"""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_MENTIONED: Final = re.compile(r"#[^\n]*tta:\s*ignore")
_COMMENT: Final = re.compile(
    r"#\s*tta:\s*ignore(?![\w-])\s*(?:\[(?P<codes>[^\]]*)\])?(?P<reason>(?:(?!\s#).)*)"
)
_BETWEEN_STATEMENTS: Final = frozenset(
    {tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}
)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One such comment.

    Args:
        line: Where it stands in the text, from 1.
        start: Its first column, in characters.
        end: The column behind it; another comment may follow.
        codes: What it silences.
        reason: What stands behind the brackets.
        is_alone: Whether it has the line for itself.
        first: First line of the statement it counts for.
        last: Last line of that statement.
    """

    line: int
    start: int
    end: int
    codes: tuple[str, ...]
    reason: str
    is_alone: bool
    first: int
    last: int

    def covers(self, code: str, first: int, last: int) -> bool:
        """Tell whether it silences a finding of *code* on the lines from *first* to *last*."""
        if code not in self.codes or not self.first <= first <= self.last:
            return False
        if self.line < self.first or self.line == self.last:
            return True  # above the statement, or behind its end
        # Inside it: a comment with its own line speaks for the line below.
        line = self.line + 1 if self.is_alone else self.line
        return first <= line <= last


def read_suppressions(text: str) -> list[Suppression]:
    """Return the comments of *text* that silence findings, from its top.

    Text without the words is not tokenized, so that most files cost next to nothing.

    Args:
        text: Python that parses, with line ends of one character.
    """
    if "tta:" not in text or _MENTIONED.search(text) is None:
        return []
    found: list[Suppression] = []
    waiting: list[tokenize.TokenInfo] = []
    statement = 0
    for token in _tokens(text):
        if token.type == tokenize.COMMENT:
            waiting.append(token)
        elif token.type == tokenize.NEWLINE:
            for comment in waiting:
                found.extend(_read(comment, statement, token.start[0]))
            waiting, statement = [], 0
        elif token.type == tokenize.NL:
            # An empty line parts the comments above it from the statement below.
            if not statement and not token.line.strip():
                waiting = _without_statement(waiting, found)
        elif token.type not in _BETWEEN_STATEMENTS and not statement:
            statement = token.start[0]
    _without_statement(waiting, found)
    return found


def _without_statement(
    comments: list[tokenize.TokenInfo], found: list[Suppression]
) -> list[tokenize.TokenInfo]:
    """Keep comments that no statement follows: they silence nothing, and that is told."""
    for comment in comments:
        found.extend(_read(comment, 0, -1))
    return []


def _tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    try:
        yield from tokenize.generate_tokens(io.StringIO(text, newline="").readline)
    except (tokenize.TokenError, SyntaxError):
        # The parser took what the tokenizer refuses; what came before still counts.
        return


def _read(comment: tokenize.TokenInfo, first: int, last: int) -> Iterator[Suppression]:
    line, column = comment.start
    for match in _COMMENT.finditer(comment.string):
        codes = (code.strip().upper() for code in (match["codes"] or "").split(","))
        yield Suppression(
            line=line,
            start=column + match.start(),
            end=column + match.end(),
            codes=tuple(dict.fromkeys(code for code in codes if code)),
            reason=match["reason"].strip(" -:"),
            is_alone=not comment.line[:column].strip() and match.start() == 0,
            first=first,
            last=last,
        )
