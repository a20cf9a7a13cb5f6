"""The report as one JSON document for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .guard import without_login

if TYPE_CHECKING:
    from .difference import PackageChange, SettingChange
    from .finding import Finding, Report
    from .locked import Package

FORMAT_VERSION = 1


def render_json(report: Report) -> str:
    """Write everything that is known, with every chain and every number of bytes."""
    kinds = ("added", "removed", "upgraded", "downgraded", "changed", "major")
    document = {
        "format_version": FORMAT_VERSION,
        "base": report.base,
        "head": report.head,
        "counts": {kind: report.count(kind) for kind in kinds},
        "levels": {level: report.count_level(level) for level in ("fail", "warn", "info")},
        "download_bytes": report.download_bytes,
        "unknown_sizes": report.unknown_sizes,
        "packages": [_change(change, report) for change in report.difference.packages],
        "settings": [_setting(change) for change in report.difference.settings],
        "findings": [_finding(finding) for finding in report.findings],
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _change(change: PackageChange, report: Report) -> dict[str, object]:
    return {
        "name": change.package.name,
        "kind": change.kind,
        "is_major": change.is_major,
        "before": _side(change.before),
        "after": _side(change.after),
        "why": [list(chain) for chain in report.chains[change]],
    }


def _setting(change: SettingChange) -> dict[str, object]:
    before, after = (
        None if lines is None else [without_login(line) for line in lines]
        for lines in (change.before, change.after)
    )
    return {"key": change.key, "before": before, "after": after}


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "rule": finding.rule,
        "level": finding.level,
        "place": finding.place,
        "package": finding.change.package.name if finding.change else "",
        "subject": finding.subject,
        "message": finding.message,
        "fix": finding.fix,
    }


def _side(package: Package | None) -> dict[str, object] | None:
    if package is None:
        return None
    return {
        "version": package.version,
        "source": without_login(str(package.source)),
        "forks": list(package.forks),
        "has_wheel": package.has_wheel,
        "download_bytes": package.download_bytes,
        "line": package.line,
    }
