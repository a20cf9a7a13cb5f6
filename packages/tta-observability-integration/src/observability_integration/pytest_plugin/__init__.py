"""A pytest plugin: the spans of a test, and limits on what tests may cost.

It comes with the package: the fixtures `spans` and `cost_budget` are there without an import, and
so are the options `--cost-budget`, `--cost-budget-update` and `--cost-report`. Nothing is loaded
until somebody asks for one of them.
"""

from __future__ import annotations

from .options import pytest_addoption, pytest_configure
from .recorded_spans import RecordedSpans, spans
from .watched_budgets import CostBudgets, WatchedBudget, cost_budget, pytest_runtest_call

__all__ = [
    "CostBudgets",
    "RecordedSpans",
    "WatchedBudget",
    "cost_budget",
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_call",
    "spans",
]
