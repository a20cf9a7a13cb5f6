"""Fixing files: round by round, until nothing is left that can be fixed."""

from __future__ import annotations

import difflib
import io
import tokenize
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .text_edits import apply_fixes
from .writing import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tta_dev_primitives.devtools.findings.report import ReportedFinding

MOST_ROUNDS: Final = 10


@dataclass(slots=True)
class FixedFile:
    """A file before and after its fixes.

    Args:
        path: The file.
        encoding: How it is written.
        before: Its text, with the line ends it has.
        after: The text it gets.
        fixes: How many fixes are in it.
    """

    path: str
    encoding: str
    before: str
    after: str
    fixes: int = 0

    def diff(self) -> str:
        """Return a unified diff, empty where nothing changed."""
        lines = difflib.unified_diff(
            _lines(self.before), _lines(self.after), self.path, self.path, n=3
        )
        ended = (line if line.endswith("\n") else f"{line}\n{_NO_END}" for line in lines)
        return "".join(ended)


_NO_END: Final = "\\ No newline at end of file\n"


@dataclass(slots=True)
class Fixes:
    """What fixing came to: the files that change, and what should be told of it."""

    files: dict[str, FixedFile] = field(default_factory=dict[str, FixedFile])
    notes: list[str] = field(default_factory=list[str])

    @property
    def changed(self) -> list[FixedFile]:
        """The files whose text is another one, sorted."""
        return [self.files[path] for path in sorted(self.files) if self._is_changed(path)]

    def texts(self) -> dict[str, str]:
        """Return the new text of each file that changed."""
        return {file.path: file.after for file in self.changed}

    def _is_changed(self, path: str) -> bool:
        return self.files[path].before != self.files[path].after


def fix_all(
    check: Callable[[Mapping[str, str]], Sequence[ReportedFinding]],
    *,
    unsafe: bool,
    texts: Mapping[str, str] | None = None,
) -> tuple[Fixes, Sequence[ReportedFinding]]:
    """Apply what fixes the findings have, check again, and so on for at most ten rounds.

    A fix after which its finding is still there is taken back. Nothing is written.

    Args:
        check: Returns the findings, given texts that are not on disk yet.
        unsafe: Whether fixes count that may change what a program does.
        texts: Text of files that is not read from disk from the start.
    """
    given = dict(texts or {})
    fixes = Fixes()
    stuck: set[tuple[str, str]] = set()
    findings = check(given)
    for _ in range(MOST_ROUNDS):
        before = {path: replace(file) for path, file in fixes.files.items()}
        applied = _round(findings, fixes, stuck, given, unsafe=unsafe)
        if not applied:
            return fixes, findings
        counts = _counts(findings)
        findings = check(given | fixes.texts())
        new_counts = _counts(findings)
        useless = {each for each in applied if new_counts[each] >= counts[each]}
        if useless:
            stuck |= useless
            for path in {path for path, _ in useless}:
                file = fixes.files[path]
                fixes.files[path] = before.get(path) or replace(file, after=file.before, fixes=0)
            told = ", ".join(sorted(f"{code} in {path}" for path, code in useless))
            fixes.notes.append(f"a fix did not take its finding away and was undone: {told}")
            findings = check(given | fixes.texts())
    fixes.notes.append(f"there may be more to fix after {MOST_ROUNDS} rounds; run it again")
    return fixes, findings


def write_fixes(fixes: Fixes) -> list[FixedFile]:
    """Write the files that changed, each at once, and return those that were written.

    A file that somebody else has changed meanwhile is left alone, which is noted.

    Raises:
        OSError: A file cannot be written; those before it are written.
    """
    written: list[FixedFile] = []
    for file in fixes.changed:
        try:
            old, new = file.before.encode(file.encoding), file.after.encode(file.encoding)
        except UnicodeEncodeError:
            fixes.notes.append(
                f"{file.path} is not fixed: {file.encoding} cannot hold the new text"
            )
            continue
        if Path(file.path).read_bytes() != old:
            fixes.notes.append(f"{file.path} is not fixed: it changed meanwhile")
            continue
        write_atomically(Path(file.path), new)
        written.append(file)
    return written


def _round(
    findings: Iterable[ReportedFinding],
    fixes: Fixes,
    stuck: set[tuple[str, str]],
    texts: Mapping[str, str],
    *,
    unsafe: bool,
) -> set[tuple[str, str]]:
    """Apply one round of fixes; return which codes were fixed in which files."""
    by_path: dict[str, list[ReportedFinding]] = {}
    for reported in findings:
        finding = reported.finding
        fix = finding.fix
        if fix is None or not (fix.is_safe or unsafe) or (finding.path, finding.code) in stuck:
            continue
        by_path.setdefault(finding.path, []).append(reported)
    applied: set[tuple[str, str]] = set()
    for path, found in by_path.items():
        file = fixes.files.get(path) or _read(path, texts.get(path))
        if file is None:
            continue
        fixes.files[path] = file
        offered = [each.finding.fix for each in found if each.finding.fix is not None]
        edited = apply_fixes(file.after, offered)
        file.after = edited.text
        file.fixes += len(edited.applied)
        made = set(map(id, edited.applied))
        applied.update((path, each.finding.code) for each in found if id(each.finding.fix) in made)
    return applied


def _read(path: str, text: str | None) -> FixedFile | None:
    """Read a file as it is, line ends and all; None where it is no longer what was checked."""
    if text is not None:
        return FixedFile(path, "utf-8", text, text)
    try:
        content = Path(path).read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
        if text.encode(encoding) != content:
            return None
    except (OSError, SyntaxError, LookupError, ValueError):
        return None
    return FixedFile(path, encoding, text, text)


def _counts(findings: Iterable[ReportedFinding]) -> Counter[tuple[str, str]]:
    return Counter((each.finding.path, each.finding.code) for each in findings)


def _lines(text: str) -> list[str]:
    return io.StringIO(text, newline="\n").readlines()
