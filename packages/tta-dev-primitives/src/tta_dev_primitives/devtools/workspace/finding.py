"""What a check of a workspace found: the rule, the place, what is wrong, and the fix."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.devtools.lockfile.toml_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Args:
        rule: The rule's code, in words.
        place: The file and the line, as `pyproject.toml:12`, or the file or folder alone.
        message: What is wrong with which value.
        fix: The next move.
        uv_says: What uv prints about it, empty where uv is silent.
    """

    rule: str
    place: str
    message: str
    fix: str
    uv_says: str = ""


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by place, files by name and lines by number, and drop repetitions."""

    def key(finding: Finding) -> tuple[str, int, str, str]:
        label, _, line = finding.place.rpartition(":")
        if label and line.isdigit():
            return label, int(line), finding.rule, finding.message
        return finding.place, 0, finding.rule, finding.message

    return tuple(sorted(dict.fromkeys(findings), key=key))


def text_of(findings: Iterable[Finding], clean: str) -> str:
    """Return findings for people, or the one line *clean* where there is none."""
    lines: list[str] = []
    count = 0
    for finding in findings:
        count += 1
        place, message = printable(finding.place), _shown(finding.message)
        lines.append(f"{place}: [{finding.rule}] {message}")
        lines.append(f"    fix: {_shown(finding.fix)}")
        lines += [f"    uv:  {_shown(line)}" for line in finding.uv_says.splitlines()]
    if not count:
        return f"{clean}\n"
    return "\n".join([*lines, f"{count} finding{'s' if count != 1 else ''}"]) + "\n"


def rows_of(findings: Iterable[Finding]) -> list[dict[str, Any]]:  # Any: JSON
    """Return findings as rows of JSON."""
    return [asdict(finding) for finding in findings]


def _shown(text: str) -> str:
    # A file that is checked must not steer the terminal of who checks it.
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)
