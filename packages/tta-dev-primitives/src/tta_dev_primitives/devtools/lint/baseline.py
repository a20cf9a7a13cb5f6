"""The baseline: findings a project has accepted for now, so that only new ones are told.

A finding is known again by its file, its rule and its fingerprint, which stays while lines move.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

from tta_dev_primitives.errors import ConfigurationError

from .writing import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tta_dev_primitives.devtools.findings.report import ReportedFinding

SCHEMA_VERSION: Final = 1
_Entry: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Baselined:
    """What is left of the findings beside a baseline.

    Args:
        new: Findings the baseline does not hold.
        accepted: How many it holds.
        stale: How many of its entries, for files that were checked or are gone, nothing fits.
    """

    new: tuple[ReportedFinding, ...]
    accepted: int
    stale: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """Accepted findings, each known by its file, relative to the folder, code and fingerprint.

    Args:
        folder: That of the baseline.
        entries: How many findings are accepted under each name.
        messages: What they said when they were accepted.
    """

    folder: Path
    entries: Counter[_Entry]
    messages: dict[_Entry, str]

    def apply(self, findings: Sequence[ReportedFinding], checked: Iterable[str]) -> Baselined:
        """Part the findings into new and accepted ones; each entry accepts one.

        Args:
            findings: Those of the run, in order.
            checked: The paths of the files that were checked.
        """
        left = self.entries.copy()
        new: list[ReportedFinding] = []
        for reported in findings:
            entry = _entry(reported, self.folder)
            if left[entry] > 0:
                left[entry] -= 1
            else:
                new.append(reported)
        elsewhere = self.elsewhere(checked)
        stale = sum(number for entry, number in left.items() if entry not in elsewhere)
        return Baselined(tuple(new), len(findings) - len(new), stale)

    def elsewhere(self, checked: Iterable[str]) -> Counter[_Entry]:
        """Return the entries for files that are there and were not checked."""
        seen = {_relative(path, self.folder) for path in checked}
        gone = {path for path, _, _ in self.entries if path not in seen and not self._exists(path)}
        kept = {
            entry: number
            for entry, number in self.entries.items()
            if entry[0] not in seen and entry[0] not in gone
        }
        return Counter(kept)

    def _exists(self, path: str) -> bool:
        try:
            return (self.folder / path).exists()
        except (OSError, ValueError):
            return False


def read_baseline(file: Path) -> Baseline:
    """Read a baseline that `write_baseline` wrote.

    Raises:
        ConfigurationError: It is not there or is no such file.
    """
    again = "delete it and write it anew with --write-baseline"
    try:
        document: object = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        msg = f"there is no baseline {file}; {again}"
        raise ConfigurationError(msg) from error
    except OSError as error:
        msg = f"cannot read the baseline {file}: {error.strerror}"
        raise ConfigurationError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"the baseline {file} is not JSON: {error}; {again}"
        raise ConfigurationError(msg) from error
    if not _is_table(document) or document.get("schema_version") != SCHEMA_VERSION:
        msg = f"the baseline {file} has no schema_version {SCHEMA_VERSION}; {again}"
        raise ConfigurationError(msg)
    found = document.get("findings")
    entries: Counter[_Entry] = Counter()
    messages: dict[_Entry, str] = {}
    for each in found if _is_list(found) else [None]:
        entry = _read_entry(each)
        if entry is None:
            msg = f"the baseline {file} holds {each!r} where a finding should be; {again}"
            raise ConfigurationError(msg)
        entries[entry] += 1
        if _is_table(each):
            messages[entry] = str(each.get("message", ""))
    return Baseline(file.resolve().parent, entries, messages)


def write_baseline(file: Path, findings: Iterable[ReportedFinding], checked: Iterable[str]) -> None:
    """Write a baseline that accepts *findings*, sorted, so that changes to it read well.

    What an older one accepts in files that were not checked now is kept.

    Args:
        file: Where.
        findings: All of the run.
        checked: The paths of the files that were checked.

    Raises:
        ConfigurationError: The older one cannot be read; delete it to begin anew.
        OSError: It cannot be written; the older one is still whole then.
    """
    folder = file.resolve().parent
    accepted = [(_entry(reported, folder), reported.finding.message) for reported in findings]
    if file.exists():
        old = read_baseline(file)
        accepted += [(entry, old.messages[entry]) for entry in old.elsewhere(checked).elements()]
    rows = [
        {"path": path, "code": code, "fingerprint": fingerprint, "message": message}
        for (path, code, fingerprint), message in sorted(accepted)
    ]
    document: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "findings": rows}  # Any: JSON
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    write_atomically(file, text.encode("utf-8", "surrogatepass"))


def _entry(reported: ReportedFinding, folder: Path) -> _Entry:
    finding = reported.finding
    return _relative(finding.path, folder), finding.code, reported.fingerprint


def _relative(path: str, folder: Path) -> str:
    real = os.path.realpath(path)
    try:
        return os.path.relpath(real, folder).replace(os.sep, "/")
    except ValueError:  # another drive
        return real.replace(os.sep, "/")


def _read_entry(value: object) -> _Entry | None:
    if not _is_table(value):
        return None
    path, code, fingerprint = value.get("path"), value.get("code"), value.get("fingerprint")
    if isinstance(path, str) and isinstance(code, str) and isinstance(fingerprint, str):
        return path, code, fingerprint
    return None


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
