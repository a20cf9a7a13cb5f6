"""What a run of tests cost, as Markdown for the summary of a GitHub step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from observability_integration.cost.report import dollars

if TYPE_CHECKING:
    from .change import Change
    from .told_run import ToldRun

MOST_TESTS: Final = 10
MOST_FAULTS: Final = 50
_MARKUP: Final = re.compile(r"[^A-Za-z0-9 .,:;/$%()+-]|:(?=//)|w(?=ww\.)")


def step_summary(told: ToldRun) -> str:
    """Return the summary; names of tests and models in it are text, whatever they hold."""
    total, judgement = told.costs.total, told.judgement
    lines = ["### Costs of the tests", ""]
    if told.verdict is not None:
        verdict = _text(told.verdict)
        lines += [f"**{verdict[:1].upper()}{verdict[1:]}.**", ""]
    lines += [f"- {_text(fault)}" for fault in judgement.faults[:MOST_FAULTS]]
    if len(judgement.faults) > MOST_FAULTS:
        lines.append(f"- and {len(judgement.faults) - MOST_FAULTS} more")
    if judgement.faults:
        lines.append("")
    lines += [
        "| | now | accepted | change |",
        "|---|---:|---:|---|",
        f"| spent | {dollars(total.spent)} | {_was_usd(judgement.spent)} |",
        f"| calls | {total.calls:,} | {_was_calls(judgement.calls)} |",
        f"| wasted | {dollars(total.wasted)} | | |",
        f"| saved | {dollars(total.saved)} | | |",
    ]
    if total.unpriced_calls:
        models = _text(", ".join(total.unpriced_models))
        lines.append(f"| without a known price | {total.unpriced_calls:,} calls | | {models} |")
    dearest = told.costs.dearest()
    if dearest:
        lines += ["", "| dearest tests | spent | calls | change |", "|---|---:|---:|---|"]
        lines += [
            f"| <code>{_text(node_id)}</code> | {dollars(test.spent)} | {test.calls:,} "
            f"| {_marked(judgement.mark(node_id))} |"
            for node_id, test in dearest[:MOST_TESTS]
        ]
    if len(dearest) > MOST_TESTS:
        lines += ["", f"And {len(dearest) - MOST_TESTS} more tests."]
    lines += [line for note in judgement.notes for line in ("", f"Note: {_text(note)}.")]
    return "\n".join([*lines, "", ""])


def _was_usd(change: Change | None) -> str:
    if change is None:
        return "| "
    return f"{dollars(change.before)} | {_marked(change.in_words())}"


def _was_calls(change: Change | None) -> str:
    if change is None:
        return "| "
    return f"{change.before:,.0f} | {_marked(change.in_words('more', 'fewer'))}"


def _marked(words: str) -> str:
    """Return the words of a change, those of more in bold."""
    return f"**{words}**" if words.endswith(("dearer", "more")) else words


def _text(text: str) -> str:
    """Return *text* so that no letter of it is taken for markup."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))
