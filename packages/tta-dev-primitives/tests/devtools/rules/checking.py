"""Runs one rule over a piece of source, with the real search for calls."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from tta_dev_primitives.devtools.calls.composition import find_compositions
from tta_dev_primitives.devtools.calls.find import find_calls
from tta_dev_primitives.devtools.calls.wrapping import note_wrapping
from tta_dev_primitives.devtools.findings.finding import Finding, Fix
from tta_dev_primitives.devtools.lint.settings import Settings
from tta_dev_primitives.devtools.rules.all_rules import RULES, rule_of
from tta_dev_primitives.devtools.rules.rule import CheckedFile
from tta_dev_primitives.devtools.source.source_file import SourceFile, read_source
from tta_dev_primitives.devtools.source.workspace import Workspace, gather_facts


def checked_file(
    source: str, *, path: str = "app.py", others: Mapping[str, str] | None = None
) -> CheckedFile:
    """Read *source* as the file *path*, beside others in the same workspace."""
    files = {path: _read(path, source)}
    files |= {name: _read(name, text) for name, text in (others or {}).items()}
    workspace = Workspace([gather_facts(file) for file in files.values()])
    file, names, settings = files[path], workspace.names_of(files[path]), Settings()
    sites, compositions = find_calls(file, names, settings), find_compositions(file, names)
    note_wrapping(file, names, sites, compositions)
    return CheckedFile(file, names, sites, compositions, settings)


def found(
    code: str, source: str, *, path: str = "app.py", others: Mapping[str, str] | None = None
) -> list[Finding]:
    """Return everything one rule says about *source*, unsure findings included."""
    return rule_of(code).run(checked_file(source, path=path, others=others))


def sure(
    code: str, source: str, *, path: str = "app.py", others: Mapping[str, str] | None = None
) -> list[Finding]:
    """Return what a user sees by default: findings of high confidence."""
    findings = found(code, source, path=path, others=others)
    return [finding for finding in findings if finding.confidence == "high"]


def defaults(source: str, *, path: str = "app.py") -> list[Finding]:
    """Return what every rule that is on by default says about *source*."""
    checked = checked_file(source, path=path)
    return [finding for rule in RULES if rule.is_default for finding in rule.run(checked)]


def fixed(source: str, fix: Fix) -> str:
    """Return *source* after a fix, whose columns are bytes."""
    lines = [line.encode() for line in dedent(source).split("\n")]
    for edit in sorted(fix.edits, key=lambda edit: edit.start, reverse=True):
        (first, start), (last, end) = edit.start, edit.end
        joined = lines[first - 1][:start] + edit.new_text.encode() + lines[last - 1][end:]
        lines[first - 1 : last] = joined.split(b"\n")
    return b"\n".join(lines).decode()


def _read(path: str, source: str) -> SourceFile:
    name = path.removesuffix(".py").replace("/", ".")
    return read_source(path, dedent(source), module_name=name)
