"""What is wrong with a file that should go into an index: the rule, the place, and the fix."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable


class PackageIndexError(ConfigurationError):
    """Raised when an index cannot be built or served at all; one line with the next move."""


class Rule(StrEnum):
    """Why a file must not be served."""

    ALTERED_FILE = "altered-file"
    BAD_FILE_NAME = "bad-file-name"
    BAD_METADATA = "bad-metadata"
    BROKEN_ARCHIVE = "broken-archive"
    CHANGED_WHEEL = "changed-wheel"
    NOT_A_FILE = "not-a-file"
    OTHER_BYTES = "other-bytes"
    OTHER_METADATA = "other-metadata"
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"
    UNSAFE_ARCHIVE = "unsafe-archive"


@dataclass(frozen=True, slots=True)
class Finding:
    """One file that an index must not serve.

    Args:
        rule: Why.
        place: The file.
        message: What is wrong with which value.
        fix: The next move.
    """

    rule: Rule
    place: str
    message: str
    fix: str


class RefusedFileError(Exception):
    """Raised while one file is read; becomes a finding with its place.

    Args:
        rule: Why.
        message: What is wrong with which value.
        fix: The next move.
    """

    def __init__(self, rule: Rule, message: str, fix: str = "build it again") -> None:
        super().__init__(message)
        self.rule, self.message, self.fix = rule, message, fix

    def at(self, place: str) -> Finding:
        """Return the finding about the file at *place*."""
        return Finding(self.rule, place, self.message, self.fix)


def text_of(findings: Iterable[Finding]) -> str:
    """Return findings for people, two lines each."""
    lines: list[str] = []
    for finding in findings:
        lines.append(f"{shown(finding.place)}: [{finding.rule}] {shown(finding.message)}")
        lines.append(f"    fix: {shown(finding.fix)}")
    return "".join(f"{line}\n" for line in lines)


def rows_of(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Return findings as rows of JSON."""
    return [asdict(finding) for finding in findings]


def shown(text: str) -> str:
    """Return *text* without anything that would steer a terminal."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)
