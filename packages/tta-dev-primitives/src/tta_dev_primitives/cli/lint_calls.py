"""`tta lint calls`: list the calls of models, a record each."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.devtools.findings.source_frame import visible
from tta_dev_primitives.devtools.findings.text_format import plural

from .exits import EXIT_FAILED, EXIT_OK
from .lint_run import write_text

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.lint.session import Session


def list_calls(session: Session, *, as_json: bool) -> int:
    """Print every call that is found; 1 where a file could not be read, which is told."""
    result = session.run()
    unreadable = [each.finding for each in result.findings if each.finding.code == "TTA000"]
    if as_json:
        print(json.dumps(result.calls, indent=2))
    else:
        for call in result.calls:
            write_text(visible(_line(call)) + "\n", sys.stdout)
        noun = "call" if len(result.calls) == 1 else "calls"
        print(f"{len(result.calls):,} {noun} of models in {plural(len(result.files), 'file')}")
    for finding in unreadable:
        told = f"tta: {finding.path}:{finding.position.line}: {finding.message}"
        write_text(visible(told) + "\n", sys.stderr)
    return EXIT_FAILED if unreadable else EXIT_OK


def _line(call: dict[str, Any]) -> str:  # Any: JSON
    cell = "" if call["cell"] is None else f"cell {call['cell']}:"
    facts = [call["provider"], call["api"], call["kind"], call["mode"]]
    facts += [f"{name}={call[name]}" for name in ("streaming", "timeout", "max_tokens")]
    if call["in_loop"]:
        facts.append("in a loop")
    if call["wrapped_by"]:
        facts.append(f"in {' > '.join(call['wrapped_by'])}")
    return f"{call['path']}:{cell}{call['line']}:{call['col'] + 1}: {' '.join(facts)}"
