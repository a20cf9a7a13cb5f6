"""Advice as Markdown, for a job summary or a comment on a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.written.figures import money, plural, share
from tta_dev_primitives.devtools.written.markdown_text import code, escaped, row

from .advice_text import headline, priced_by

if TYPE_CHECKING:
    from .advice import Advice, Lever


def advice_markdown(advice: Advice) -> str:
    """Return a table of the levers, then the evidence and the code of each that saves anything."""
    lines = ["## What would make it cheaper", "", f"{escaped(headline(advice))}.", ""]
    lines += [f"{escaped(priced_by(advice.price_source, advice.price_snapshot))}.", ""]
    if advice.levers:
        lines += [row(["lever", "saves", "share", "how sure"]), "|---|---:|---:|---|"]
        lines += [
            row([lever.name, money(lever.dollars), share(lever.share), lever.confidence])
            for lever in advice.levers
        ]
        lines.append("")
    for lever in advice.levers:
        lines += _section(lever)
    if advice.unjudged:
        lines += ["### Not judged", ""]
        lines += [f"- {each.name}: {escaped(each.reason)}" for each in advice.unjudged]
        lines.append("")
    lines += [f"- {escaped(note)}" for note in advice.notes]
    return "\n".join(lines).rstrip() + "\n"


def _section(lever: Lever) -> list[str]:
    lines = [f"### {lever.name.capitalize()}", ""]
    lines += [f"- {escaped(sentence)}" for sentence in lever.evidence]
    if lever.dollars:
        if lever.assumption:
            lines.append(f"- assumed: {escaped(lever.assumption)}")
        lines += [
            f"- {code(part.name)}: {plural(part.count, 'time')}, {money(part.dollars)}"
            for part in lever.largest
        ]
        lines += ["", "```python", lever.code, "```"]
    return [*lines, ""]
