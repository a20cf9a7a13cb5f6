"""Check that everything in a folder of recordings can be read and written without loss."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from keploy_framework.errors import KeployError, KeployFormatError
from keploy_framework.formats.documents import DocumentFile
from keploy_framework.formats.models.kinds import DocumentKind, kind_of
from keploy_framework.formats.models.mappings import Mappings
from keploy_framework.formats.models.messages import request_from
from keploy_framework.formats.models.mock import Mock
from keploy_framework.formats.models.record import Record
from keploy_framework.formats.models.run_report import Report
from keploy_framework.formats.models.test_case import TestCase
from keploy_framework.formats.narrow import is_mapping
from keploy_framework.formats.same import same_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keploy_framework.formats.yaml_text.reading import Document

_ENDINGS: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Args:
        file: The file.
        line: The line, counted from 1; 0 where none can be named.
        reason: What is wrong, and the next move.
    """

    file: Path
    line: int
    reason: str


@dataclass(slots=True)
class TreeCheck:
    """What a folder of recordings holds, and what is wrong with it.

    Args:
        files: How many files there are; each is equal, unequal or damaged.
        tests: How many documents are tests.
        mocks: How many documents are mocks.
        equal: How many files say the same after they are written again.
        unequal: How many files say something else then.
        damaged: How many files cannot be read whole.
        by_kind: How many tests and mocks there are of each kind.
        problems: What is wrong, in the order of files and lines.
    """

    files: int = 0
    tests: int = 0
    mocks: int = 0
    equal: int = 0
    unequal: int = 0
    damaged: int = 0
    by_kind: dict[str, int] = field(default_factory=dict[str, int])
    problems: list[Problem] = field(default_factory=list[Problem])

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def as_data(self) -> dict[str, Any]:  # Any: JSON
        """Give the check as data for JSON."""
        problems = [
            {"file": str(one.file), "line": one.line, "reason": one.reason} for one in self.problems
        ]
        return {
            "files": self.files,
            "tests": self.tests,
            "mocks": self.mocks,
            "equal": self.equal,
            "unequal": self.unequal,
            "damaged": self.damaged,
            "by_kind": self.by_kind,
            "problems": problems,
        }


def validate_tree(path: str | os.PathLike[str]) -> TreeCheck:
    """Read every YAML file below a folder, write it in memory, and compare.

    Links are not followed. Nothing is changed on disk, and a file is held in memory only
    while it is looked at. Files are checked one after another, in the order of their names.

    Args:
        path: A folder, or one file.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    root = Path(path)
    if not root.exists():
        reason = f"there is no {root}; name a folder of recordings"
        raise FileNotFoundError(reason)
    check = TreeCheck()
    kinds: Counter[str] = Counter()
    for file in _files(root):
        check.files += 1
        problems = _check(file, check, kinds)
        check.problems += (Problem(file, one.line or 0, one.reason) for one in problems)
    check.by_kind = dict(sorted(kinds.items()))
    return check


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    for folder, inner, names in os.walk(root):
        inner.sort()
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(_ENDINGS))


def _check(file: Path, check: TreeCheck, kinds: Counter[str]) -> list[KeployFormatError]:
    """Count a file and what is in it; give what is wrong."""
    if file.is_symlink():
        check.damaged += 1
        return [KeployFormatError("a symbolic link, which is not followed; replace it by the file")]
    try:
        read = DocumentFile.read(file)
    except OSError as error:
        check.damaged += 1
        return [KeployFormatError(f"cannot be read ({error.strerror}); check its permissions")]
    problems = list(read.damaged)
    for document in read.documents:
        kind = kind_of(document.data, file)
        check.tests += kind is DocumentKind.TEST
        check.mocks += kind is DocumentKind.MOCK
        if kind in (DocumentKind.TEST, DocumentKind.MOCK):
            kinds[document.data["kind"]] += 1
        problems += _shape_problems(document, kind, file)
    if problems:
        check.damaged += 1
        return sorted(problems, key=lambda problem: problem.line or 0)
    problem = _loss(read)
    check.unequal += problem is not None
    check.equal += problem is None
    return [] if problem is None else [problem]


def _shape_problems(
    document: Document, kind: DocumentKind, file: Path
) -> Iterator[KeployFormatError]:
    """Yield what keeps a document from being used."""
    data = document.data
    place = (data, file, document.line)
    if not is_mapping(data) and data is not None:
        reason = "must be a mapping; correct it"
        yield KeployFormatError(reason, file=file, line=document.line)
        return
    try:
        if kind is DocumentKind.TEST:
            test = TestCase(*place)
            _ = test.name, test.noise, test.began, test.ended, test.app_port, test.curl
            if test.is_http:
                _ = request_from(test, "spec.req"), test.response
                _ = test.list_at("spec.req.form"), test.text_at("spec.req.body_ref.path")
        elif kind is DocumentKind.MOCK:
            mock = Mock(*place)
            _ = mock.name, mock.began, mock.ended
            if mock.is_http and "req" in mock.section("spec"):
                _ = mock.request, mock.response
        elif kind is DocumentKind.MAPPINGS:
            _ = Mappings(*place).by_test
        elif kind is DocumentKind.REPORT:
            _ = Report(*place).tests
        elif data and "kind" in data:
            raise Record(*place).wrong(data.get("spec"), "spec", "a mapping")
    except KeployFormatError as error:
        yield error


def _loss(read: DocumentFile) -> KeployFormatError | None:
    try:
        again = DocumentFile.parse(read.rewritten(), read.path)
    except KeployError as error:
        return KeployFormatError(f"cannot be written again: {error}", file=read.path)
    if not again.damaged and same_data(again.data, read.data):
        return None
    reason = "says something else after it is written again; keep a copy, and report it"
    return KeployFormatError(reason, file=read.path)
