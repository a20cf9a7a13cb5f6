"""Write docs/lint/rules.md from the pages that the rules of the linter carry.

Exit codes: 0 written, or up to date with --check; 1 out of date; 2 misuse.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.lint.selection import describe
from tta_dev_primitives.devtools.lint.writing import write_atomically
from tta_dev_primitives.devtools.rules.all_rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tta_dev_primitives.devtools.rules.rule import Rule

PAGE = Path(__file__).resolve().parents[1] / "docs/lint/rules.md"
HEAD = """\
# The rules of `tta lint`

This page is written by `scripts/generate_rule_pages.py` from the rules themselves;
`tta lint --explain TTA101` shows the same text. How to select rules tells
[the linter's page](index.md#choose-rules).

| code | name | level | default | what it reports |
|---|---|---|---|---|
"""
FAMILIES = {
    "TTA0": "Files",
    "TTA1": "Limits of clients",
    "TTA2": "Cost",
    "TTA3": "Concurrency",
    "TTA4": "Primitives",
    "TTA5": "Security",
    "TTA9": "Comments",
}


def page() -> str:
    """Return the whole page."""
    lines = [HEAD.rstrip("\n")]
    for code, rule in describe(RULES).items():
        default = "on" if _rule(code).is_default else "off"
        summary = rule.summary.replace("|", "\\|")
        link = f"[{code}](#{code.lower()}-{rule.name})"
        lines.append(f"| {link} | {rule.name} | {rule.level} | {default} | {summary} |")
    family = ""
    for rule in RULES:
        if rule.code[:4] != family:
            family = rule.code[:4]
            lines += ["", f"## {FAMILIES[family]}"]
        lines += ["", *_deeper(rule)]
    return "\n".join(lines) + "\n"


def _rule(code: str) -> Rule:
    return next(rule for rule in RULES if rule.code == code)


def _deeper(rule: Rule) -> Iterator[str]:
    """Give the rule's page two levels down, its examples marked as such."""
    in_code = False
    lines = rule.markdown().rstrip("\n").splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            yield f"##{line}" if line.startswith("#") and not in_code else line
            continue
        in_code = not in_code
        if in_code:
            end = lines.index("```", number + 1)
            yield "<!-- syntax: an example to look at -->"
            yield f"```{_language(lines[number + 1 : end])}"
        else:
            yield line


def _language(example: list[str]) -> str:
    """Return how an example is fenced: a piece of a function, say, is no program of its own."""
    try:
        compile("\n".join(example), "example", "exec", dont_inherit=True)
    except SyntaxError:
        return "py3"
    return "python"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or tell whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if out of date")
    parser.add_argument("--output", type=Path, default=PAGE, help="default: docs/lint/rules.md")
    options = parser.parse_args(arguments)
    output: Path = options.output
    content = page().encode()
    if output.is_file() and output.read_bytes() == content:
        return 0
    if options.check:
        print(f"{output} is out of date; run scripts/generate_rule_pages.py", file=sys.stderr)
        return 1
    output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(output, content)
    print(f"wrote {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
