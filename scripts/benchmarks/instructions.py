"""Instructions of the hot paths, counted by valgrind, held against a committed budget.

    uv run python scripts/benchmarks/instructions.py check [--only CASE ...] [--json] [--require]
    uv run python scripts/benchmarks/instructions.py update [--only CASE ...]

Seconds differ from run to run, instructions hardly: the same code on the same build of Python
counts the same, on a busy machine too. Takes under half a minute. Exit codes of check: 0 within the
budget, 1 a case takes more, 2 misuse. Where valgrind or a budget for this Python is missing, it
says so and ends with 0, or with 2 if --require is given.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from instructions_budget import (
    BudgetError,
    Compared,
    Finding,
    budget_for,
    compare,
    read_budgets,
    this_build,
    updated,
    write_budgets,
)
from instructions_cases import CASES, Case
from instructions_counting import PROGRAM, CountingError, count_all, valgrind

BUDGETS = Path(__file__).with_suffix(".toml")
UPDATE = "uv run python scripts/benchmarks/instructions.py update"
FIXES = {
    Finding.MORE: f"make it cheaper, or say in the commit why it costs more and run: {UPDATE}",
    Finding.NO_BUDGET: f"give it one by: {UPDATE}",
    Finding.NO_CASE: f"there is no such case; drop it by: {UPDATE}",
}


def show(compared: list[Compared], build: str) -> None:
    """Print all cases as a table, then what is wrong."""
    print(f"{build}\n\n| case | budget | counted | change | allowed |\n|---|---|---|---|---|")
    for each in compared:
        allowed = "" if each.allowed is None else f"{each.allowed.tolerance:.1%}"
        budget = "" if each.allowed is None else f"{each.allowed.instructions:,.0f}"
        found = "" if each.counted is None else f"{each.counted:,.0f}"
        change = "" if each.change is None else f"{each.change:+.1%}"
        print(f"| {each.case} | {budget} | {found} | {change} | {allowed} |")
    print()
    for each in compared:
        if each.finding is not None:
            print(f"{BUDGETS.name}: [{each.finding}] {each.case}; {FIXES[each.finding]}")
        elif each.is_far_below:
            print(f"{each.case} takes less than its budget; hold it there by: {UPDATE}")
    wrong = sum(each.finding is not None for each in compared)
    print(f"{wrong} of {len(compared)} cases are wrong" if wrong else "all cases are within budget")


def record(each: Compared) -> dict[str, object]:
    """Return one case as `--json` prints it."""
    return {
        "case": each.case,
        "counted": each.counted,
        "budget": None if each.allowed is None else each.allowed.instructions,
        "tolerance": None if each.allowed is None else each.allowed.tolerance,
        "change": each.change,
        "finding": None if each.finding is None else each.finding.value,
    }


def check(chosen: argparse.Namespace, cases: dict[str, Case], program: Path) -> int:
    """Count what was asked for and hold it against the budget."""
    build, path = this_build(), Path(chosen.budget)
    missing = 2 if chosen.require else 0
    if valgrind() is None:
        return _told(
            "nothing is counted: valgrind is not on PATH; try: apt-get install valgrind", missing
        )
    held = budget_for(build, read_budgets(path))
    if held is None:
        return _told(f"{path} has no budget for {build}; write one by: {UPDATE}", missing)
    compared = compare(
        count_all(_calls(cases), program=program), held[1], whole=chosen.only is None
    )
    if chosen.json:
        found = {"build": build, "budget_of": held[0], "cases": [record(each) for each in compared]}
        print(json.dumps(found, indent=1))
    else:
        if held[0] != build:
            print(f"The budget is that of {held[0]}, so more is allowed than for its own build.")
        show(compared, build)
    return 1 if any(each.finding for each in compared) else 0


def update(chosen: argparse.Namespace, cases: dict[str, Case], program: Path) -> int:
    """Count what was asked for and make it the budget of this build of Python."""
    build, path = this_build(), Path(chosen.budget)
    budgets = read_budgets(path)
    counts = count_all(_calls(cases), program=program)
    budgets[build] = updated(counts, budgets.get(build), whole=chosen.only is None)
    write_budgets(path, budgets)
    return _told(f"{path} has the budget of {len(counts)} cases for {build}", 0)


def _calls(cases: dict[str, Case]) -> dict[str, int]:
    return {name: case.calls for name, case in cases.items()}


def _told(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


def main(arguments: list[str] | None = None, *, program: Path = PROGRAM) -> int:
    """Run the command that was given.

    Args:
        arguments: Those of the process, where None.
        program: What is counted.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("check", "update"))
    parser.add_argument("--only", action="append", choices=CASES, help="this case; may be repeated")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--require", action="store_true", help="end with 2 where nothing is counted"
    )
    parser.add_argument("--budget", default=str(BUDGETS), metavar="FILE", help="%(default)s")
    chosen = parser.parse_args(arguments)
    only: list[str] | None = chosen.only
    cases = CASES if only is None else {name: CASES[name] for name in only}
    try:
        return (check if chosen.command == "check" else update)(chosen, cases, program)
    except (CountingError, BudgetError) as error:
        return _told(str(error), 2)
    except OSError as error:
        because = (error.strerror or str(error)).lower()
        return _told(f"cannot use {error.filename}: {because}; name another file", 2)


if __name__ == "__main__":
    sys.exit(main())
