"""Runs of pytest within the tests, with models that take money, and figures made by hand."""

from __future__ import annotations

import pytest

# Loaded here, because what is first loaded by a run within this process is forgotten after it, and
# loaded a second time by the next one, with other classes of the same names.
from observability_integration.cost.report import CostReport, CostShare
from observability_integration.pytest_plugin.whole_run import gate
from tta_dev_primitives import (
    CachePrimitive,
    RetryPrimitive,
    RetryStrategy,
    WorkflowPrimitive,
)

LOADED = (gate, CachePrimitive, RetryPrimitive, RetryStrategy, WorkflowPrimitive)

MODEL = """
import threading
import pytest
from tta_dev_primitives import (
    CachePrimitive, RetryPrimitive, RetryStrategy, WorkflowPrimitive)
from tta_dev_primitives.core.observe import LLMRecord, LLMRequestRecord, report


class Answer(str):
    cost = 0.02


class Model(WorkflowPrimitive):
    def __init__(self, cost, model="gpt-4o", fails=0):
        self.cost, self.model, self.fails = cost, model, fails

    async def execute(self, input_data, context=None):
        report(LLMRecord("chat", "openai", self.model, self.model, 5, 5, 0, 0, 0, "stop", 0.1,
            None, self.cost))
        if self.fails:
            self.fails -= 1
            raise ValueError("no use")
        return Answer(input_data)


def pay(*costs, model="gpt-4o"):
    for cost in costs:
        Model(cost, model).run("a question")
"""


class Runs:
    """Runs pytest on one test file, in the order in which it stands there."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path

    def __call__(self, text: str, *options: str) -> pytest.RunResult:
        self.pytester.makepyfile(test_it=MODEL + text)
        plugins = ("-p", "observability_integration.pytest_plugin", "-p", "no:cacheprovider")
        # This process has imported it.
        strict = ("-W", "error", "-W", "ignore:Module already imported so cannot be rewritten")
        return self.pytester.runpytest_inprocess(*plugins, *strict, *options)


def report(
    spent: float, calls: int = 1, *, unpriced: int = 0, saved: float = 0.0, model: str = "gpt-4o"
) -> CostReport:
    """Return figures of one model, as those of a test."""
    share = CostShare(spent, 0.0, 0.0, calls, unpriced)
    return CostReport(spent, 0.0, saved, calls, unpriced, {model: share})
