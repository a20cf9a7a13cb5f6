"""The options that hold a whole run of tests to a budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; what they need is loaded only where one of them is used."""
    group = parser.getgroup("cost", "costs of the calls of models")
    group.addoption(
        "--cost-budget",
        metavar="FILE",
        help="fail the run when it costs more than this TOML file allows",
    )
    group.addoption(
        "--cost-budget-update",
        action="store_true",
        help="write what the run cost into the file of --cost-budget as the accepted figures",
    )
    group.addoption(
        "--cost-report", metavar="FILE", help="write what the run and its tests cost as JSON"
    )
    parser.addini(
        "cost_budget", "file for --cost-budget, from where the configuration is", "string", ""
    )


def pytest_configure(config: pytest.Config) -> None:
    """Count the run's calls of models where an option asks for it.

    Raises:
        pytest.UsageError: An option or the budget file cannot be used.
    """
    option = config.option
    if option.help or option.collectonly:
        return  # no test runs
    is_updated, report = option.cost_budget_update, option.cost_report
    if is_updated or report or option.cost_budget or config.getini("cost_budget"):
        from .whole_run.gate import watch_run

        watch_run(config, _budget_path(config), Path(report) if report else None, update=is_updated)


def _budget_path(config: pytest.Config) -> Path | None:
    """Return the file of the command line, or of the configuration; None where none is named."""
    if config.option.cost_budget:
        return Path(config.option.cost_budget)
    named = config.getini("cost_budget")
    if not named:
        return None
    beside = config.inipath.parent if config.inipath is not None else config.rootpath
    return beside / named
