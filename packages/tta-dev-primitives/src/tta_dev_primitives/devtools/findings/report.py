"""What a run has to tell: findings ready to be shown, the rules behind them, and numbers."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from .finding import characters
from .key_masking import without_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tta_dev_primitives.devtools.source.source_file import Position

    from .finding import Edit, Finding, Level

LONGEST_LINE: Final = 1000  # characters of a source line that are kept to be shown


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """A finding with what the formats show beside it, so that none reads the file again.

    Args:
        finding: What the rule says.
        fingerprint: Stays the same while the finding moves within its file.
        line_text: Its first line with keys hidden, cut after a thousand characters.
        edits: Those of its fix, with columns in characters.
    """

    finding: Finding
    fingerprint: str
    line_text: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleDescription:
    """What the formats tell about a rule.

    Args:
        code: For example `TTA101`.
        name: For example `missing-timeout`.
        level: How much its findings matter.
        summary: What it is about, in one line.
        markdown: Its whole page.
    """

    code: str
    name: str
    level: Level
    summary: str
    markdown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What a run went over.

    Args:
        files: Files that were checked, notebooks among them.
        lines: Their lines.
        calls: Calls of models found in them.
        ignored: Findings silenced by inline comments.
        in_baseline: Findings that the baseline accepts.
        from_cache: Files whose findings came from the cache.
        processes: How many processes worked.
        seconds: How long it took.
        notes: What a reader of the numbers should know, a sentence each.
    """

    files: int = 0
    lines: int = 0
    calls: int = 0
    ignored: int = 0
    in_baseline: int = 0
    from_cache: int = 0
    processes: int = 1
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the formats need: findings in order, the rules that ran, numbers."""

    findings: tuple[ReportedFinding, ...]
    rules: Mapping[str, RuleDescription] = field(default_factory=dict[str, RuleDescription])
    numbers: Numbers = field(default_factory=Numbers)

    @property
    def codes(self) -> Counter[str]:
        """Count the findings of each rule."""
        return Counter(each.finding.code for each in self.findings)


def report_findings(
    findings: Iterable[Finding],
    text_line: Callable[[Position], int],
    line_text: Callable[[int], str],
    *,
    keys: Iterable[Position] = (),
) -> list[ReportedFinding]:
    """Make the findings of one file ready to be shown, in the order of their places.

    Nothing that is shown holds a key, in whatever finding's line it stands.

    The fingerprint covers the code, the first line without its white space, and the function around
    it. Equal ones are counted from the top of the file. So it survives lines that move and indents
    that change, and tells two equal lines of one function apart.

    Args:
        findings: Those of one file.
        text_line: Gives the line of the text that a place begins on.
        line_text: Gives a line of the text.
        keys: Where keys are known to stand, beside those that are known by their shape.
    """
    hidden = _HiddenKeys(keys, text_line, line_text)
    seen: Counter[str] = Counter()
    reported: list[ReportedFinding] = []
    for finding in sorted(findings, key=order):
        line = text_line(finding.position)
        first = line_text(line)
        source = "".join(first.split())
        same = f"{finding.code}\0{source}\0{finding.qualname}"
        identity = f"{same}\0{seen[same]}".encode("utf-8", "surrogatepass")
        seen[same] += 1
        reported.append(
            ReportedFinding(
                finding=replace(finding, message=without_keys(finding.message)),
                fingerprint=hashlib.blake2b(identity, digest_size=12).hexdigest(),
                line_text=hidden.line(line)[:LONGEST_LINE],
                edits=_in_characters(finding, line_text),
            )
        )
    return reported


class _HiddenKeys:
    """Lines without the keys in them; a long one is looked through once."""

    def __init__(
        self,
        keys: Iterable[Position],
        text_line: Callable[[Position], int],
        line_text: Callable[[int], str],
    ) -> None:
        self._line_text = line_text
        self._shown: dict[int, str] = {}
        self._places: dict[int, list[tuple[int, int]]] = {}
        for key in keys:
            first = text_line(key)
            last = first + key.end_line - key.line
            for line in range(first, last + 1):
                start = key.column if line == first else 0
                end = key.end_column if line == last else len(line_text(line))
                self._places.setdefault(line, []).append((start, end))

    def line(self, number: int) -> str:
        if number not in self._shown:
            places = self._places.get(number, ())
            self._shown[number] = without_keys(self._line_text(number), places)
        return self._shown[number]


def order(finding: Finding) -> tuple[str, int, int, int, str, str]:
    """Return the key that puts findings in the order a reader meets their places."""
    position = finding.position
    cell = -1 if position.cell is None else position.cell
    return finding.path, cell, position.line, position.column, finding.code, finding.message


def _in_characters(finding: Finding, line_text: Callable[[int], str]) -> tuple[Edit, ...]:
    def place(line: int, column: int) -> tuple[int, int]:
        return line, characters(line_text(line), column)

    edits = () if finding.fix is None else finding.fix.edits
    return tuple(replace(edit, start=place(*edit.start), end=place(*edit.end)) for edit in edits)
