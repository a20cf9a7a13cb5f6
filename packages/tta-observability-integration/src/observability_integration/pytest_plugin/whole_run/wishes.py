"""What the options of a run ask for, read and found to make sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from .budget import RunBudget
from .budget_file import BudgetFileError, parse_budget, read_text

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a run was asked to do about its costs.

    Attributes:
        budget_path: The budget file; None without one.
        budget: What it allows; None without one.
        report_path: Where the JSON goes; None for nowhere.
        is_updated: Whether the figures of the run become the accepted ones.
    """

    budget_path: Path | None
    budget: RunBudget | None
    report_path: Path | None
    is_updated: bool


def checked_wishes(
    config: pytest.Config, budget_path: Path | None, report_path: Path | None, *, update: bool
) -> Wishes:
    """Return what the run is asked for.

    Args:
        config: The run's.
        budget_path: The budget file; None for none.
        report_path: Where the JSON goes; None for nowhere.
        update: Whether the figures of the run become the accepted ones.

    Raises:
        pytest.UsageError: An option or the budget file cannot be used.
    """
    if config.getoption("forked", default=False):
        msg = "the processes of --forked do not tell their costs; use pytest-xdist instead"
        raise pytest.UsageError(msg)
    if update and budget_path is None:
        msg = "--cost-budget-update needs --cost-budget FILE, such as tta-cost-budget.toml"
        raise pytest.UsageError(msg)
    for option, path in (("--cost-budget", budget_path), ("--cost-report", report_path)):
        if path is not None and not path.absolute().parent.is_dir():
            msg = f"{option} {path}: there is no folder {path.parent}; make it first"
            raise pytest.UsageError(msg)
    try:
        budget = None if budget_path is None else _budget(budget_path, update=update)
    except BudgetFileError as error:
        raise pytest.UsageError(str(error)) from error
    # Tests may change the working directory.
    return Wishes(
        None if budget_path is None else budget_path.absolute(),
        budget,
        None if report_path is None else report_path.absolute(),
        update,
    )


def _budget(path: Path, *, update: bool) -> RunBudget:
    if update and not path.exists():
        return RunBudget()
    budget = parse_budget(path, read_text(path))
    if not update and budget.limits is None and not budget.tests and budget.accepted is None:
        reason = "it limits nothing; give max_usd or max_calls, or run with --cost-budget-update"
        raise BudgetFileError(path, None, reason)
    return budget
