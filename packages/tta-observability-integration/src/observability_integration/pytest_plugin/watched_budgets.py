"""The fixture `cost_budget`: a limit on what one test may cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from observability_integration.cost.budget import CostBudget
    from observability_integration.cost.report import CostReport


class WatchedBudget:
    """A cost budget that is watched: to the end of the `with` block, or of the test.

    Costs count from the moment it is made.
    """

    def __init__(self, budget: CostBudget) -> None:
        from observability_integration.cost.accounting import CostObserver
        from tta_dev_primitives import observe

        self._budget, self._costs = budget, CostObserver()
        self._watching = observe(self._costs)
        self._is_open = True
        self._complaint: str | None = None

    @property
    def report(self) -> CostReport:
        """What was spent, wasted and saved so far."""
        return self._costs.report()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop watching; the test fails where the budget is broken and nothing else failed."""
        self._stop()
        if kind is None:
            complaint = self.close()
            if complaint is not None:
                pytest.fail(complaint, pytrace=False)

    def close(self) -> str | None:
        """Stop watching, and return what was too much; None where all is well or was told."""
        self._stop()
        complaint, self._complaint = self._complaint, None
        return complaint

    def _stop(self) -> None:
        if self._is_open:
            self._is_open = False
            self._watching.remove()
            self._complaint = self._budget.complaint(self.report)


class CostBudgets:
    """Makes the cost budgets of one test."""

    def __init__(self) -> None:
        self._made: list[WatchedBudget] = []

    def __call__(
        self, *, max_usd: float | None = None, max_calls: int | None = None
    ) -> WatchedBudget:
        """Watch what is spent from now on to the end of the test, or of a `with` block.

        Args:
            max_usd: Most US dollars; None for any. Calls with an unknown price break it.
            max_calls: Most requests to models, failed ones included; None for any.

        Raises:
            ValueError: A limit is negative, or none is given.
        """
        from observability_integration.cost.budget import CostBudget

        budget = WatchedBudget(CostBudget(max_usd, max_calls))
        self._made.append(budget)
        return budget

    def close(self) -> str | None:
        """Stop watching, and return what was too much; None where all is well."""
        complaints = [budget.close() for budget in self._made]
        return "\n".join(filter(None, complaints)) or None


_BUDGETS: Final = pytest.StashKey[CostBudgets]()


@pytest.fixture
def cost_budget(request: pytest.FixtureRequest) -> Iterator[CostBudgets]:
    """Fail the test when its calls of models cost more than it allows.

    Use it as `with cost_budget(max_usd=0.01): ...`, or call it for all the rest of the test.
    """
    budgets = CostBudgets()
    cast("pytest.Item", request.node).stash[_BUDGETS] = budgets
    yield budgets
    budgets.close()  # where the test did not get as far as its end


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Hold a test that has ended to its budgets, as a failure of the test itself."""
    budgets = item.stash.get(_BUDGETS, None)
    try:
        result = yield
    except BaseException:
        complaint = None if budgets is None else budgets.close()
        if complaint is not None:
            item.add_report_section("call", "costs", complaint)
        raise
    complaint = None if budgets is None else budgets.close()
    if complaint is not None:
        pytest.fail(complaint, pytrace=False)
    return result
