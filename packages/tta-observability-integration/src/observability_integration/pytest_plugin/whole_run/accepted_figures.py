"""Write what a run cost into its budget file, as the accepted figures."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .budget import TOLERANCE, AcceptedCost, AcceptedCosts
from .budget_file import BudgetFileError, parse_budget

if TYPE_CHECKING:
    from pathlib import Path

    from observability_integration.cost.report import CostReport

    from .costs import RunCosts

_OWN: Final = re.compile(r"\s*\[\s*accepted\s*[\].]")
_ANY: Final = re.compile(r"\s*\[")
_SETTING: Final = re.compile(r"\s*[^\s#]")


def accepted_costs(costs: RunCosts) -> AcceptedCosts:
    """Return the figures of a run as those to be accepted."""
    tests = {node_id: _accepted(costs.tests[node_id]) for node_id in sorted(costs.tests)}
    return AcceptedCosts(_accepted(costs.total), tests)


def with_accepted(path: Path, text: str, accepted: AcceptedCosts) -> str:
    """Return the text of a budget file with other accepted figures, and all else as it is.

    Args:
        path: The file that *text* is of, for errors.
        text: What it holds; empty for a new file.
        accepted: The figures.

    Raises:
        BudgetFileError: The figures stand there in a form that cannot be replaced line by line.
    """
    before = parse_budget(path, text)
    lines = text.splitlines()
    first, end = _own_lines(lines)
    above = lines[:first] if text.strip() else [f"tolerance = {TOLERANCE}"]
    between = [""] if above and above[-1].strip() else []
    after = lines[end:]
    lines = [*above, *between, *_lines(accepted), *after]
    newline = "\r\n" if "\r\n" in text else "\n"
    written = newline.join(lines) + newline
    try:
        is_as_meant = parse_budget(path, written) == replace(before, accepted=accepted)
    except BudgetFileError:
        is_as_meant = False
    if not is_as_meant:
        reason = "the accepted figures cannot be replaced; write them as a table [accepted]"
        raise BudgetFileError(path, None, f"{reason}, or delete them")
    return written


def write_atomically(path: Path, text: str) -> None:
    """Write *text* to *path*; at any time the file is the old one or the new one.

    An existing file keeps its permissions, and a symbolic link is followed.

    Raises:
        OSError: The file system refuses; what was at *path* is untouched.
    """
    path = path.resolve()
    data = text.encode("utf-8")
    new = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        with new.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.is_file():
            shutil.copymode(path, new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _accepted(report: CostReport) -> AcceptedCost:
    """Return the figures with as many digits as are worth a line of a review."""
    usd = None if report.unpriced_calls else float(f"{report.spent:.12g}")
    return AcceptedCost(usd, report.calls)


def _own_lines(lines: list[str]) -> tuple[int, int]:
    """Return the first line of the accepted figures, and the one after their last.

    Comments and empty lines before the next table belong to that.
    """
    first = next((at for at, line in enumerate(lines) if _OWN.match(line)), len(lines))
    end = first
    for at in range(first, len(lines)):
        if _ANY.match(lines[at]) and not _OWN.match(lines[at]):
            break
        if _SETTING.match(lines[at]):
            end = at + 1
    return first, end


def _lines(accepted: AcceptedCosts) -> list[str]:
    lines = ["[accepted]", "# Written by pytest --cost-budget-update."]
    lines += [f"{key} = {value}" for key, value in _figures(accepted.total)]
    if accepted.tests:
        lines += ["", "[accepted.tests]"]
        for node_id, cost in accepted.tests.items():
            figures = ", ".join(f"{key} = {value}" for key, value in _figures(cost))
            # TOML's texts are those of JSON, but for one character.
            name = json.dumps(node_id, ensure_ascii=False).replace("\x7f", "\\u007f")
            lines.append(f"{name} = {{ {figures} }}")
    return lines


def _figures(cost: AcceptedCost) -> list[tuple[str, str]]:
    usd = [] if cost.usd is None else [("usd", repr(cost.usd))]
    return [*usd, ("calls", str(cost.calls))]
