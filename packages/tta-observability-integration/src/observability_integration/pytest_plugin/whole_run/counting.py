"""Count the calls of models that a run of tests makes, apart for each test."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, cast

import pytest

from observability_integration.cost.accounting import CostObserver
from tta_dev_primitives import observe

from .costs import RunCosts, plain, together

if TYPE_CHECKING:
    from collections.abc import Generator


class RunCounter:
    """Watches all calls of this process until it is closed.

    A call counts where it began: for the test that ran then, or for none.
    """

    def __init__(self) -> None:
        self._outside = CostObserver()
        # Kept to the end: a call may begin in a test and be answered after it.
        self._tests: dict[str, CostObserver] = {}
        self._current = self._outside
        self._watching = observe(self._outside)

    @contextlib.contextmanager
    def in_test(self, node_id: str) -> Generator[None]:
        """Count what begins in the block for a test; a test may come several times."""
        with self._counting(self._tests.setdefault(node_id, CostObserver())):
            yield

    @contextlib.contextmanager
    def in_no_test(self) -> Generator[None]:
        """Count what begins in the block for no test."""
        with self._counting(self._outside):
            yield

    def costs(self) -> RunCosts:
        """Return what was counted so far."""
        reports = {node_id: together([test.report()]) for node_id, test in self._tests.items()}
        return RunCosts(
            {node_id: told for node_id, told in reports.items() if told.calls or told.saved},
            together([self._outside.report()]),
        )

    def close(self) -> None:
        """Stop watching; what was counted remains."""
        self._watching.remove()

    @contextlib.contextmanager
    def _counting(self, observer: CostObserver) -> Generator[None]:
        before = self._current
        self._switch_to(observer)
        try:
            yield
        finally:
            self._switch_to(before)

    def _switch_to(self, observer: CostObserver) -> None:
        self._watching.remove()
        self._current, self._watching = observer, observe(observer)


class CountingPlugin:
    """The hooks of pytest that tell a counter which test runs."""

    def __init__(self, counter: RunCounter) -> None:
        self._counter = counter

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Count the setup, call and teardown of a test, and what repeats it, for the test."""
        with self._counter.in_test(node_id_text(item.nodeid)):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object]
    ) -> Generator[None, object, object]:
        """Count a fixture that tests share for none of them: any may be the first to need it."""
        if fixturedef.scope == "function":
            return (yield)
        with self._counter.in_no_test():
            return (yield)

    def pytest_unconfigure(self) -> None:
        """Leave nothing behind in a process that goes on."""
        self._counter.close()


class WorkerPlugin:
    """The hooks of a process that runs a part of the tests for another, as pytest-xdist has it."""

    KEY = "tta_costs"

    def __init__(self, counter: RunCounter) -> None:
        self._counter = counter

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the process that gathers the results."""
        output = cast("dict[str, object]", getattr(session.config, "workeroutput"))  # noqa: B009
        output[self.KEY] = plain(self._counter.costs())


def node_id_text(node_id: str) -> str:
    """Return *node_id* as text that every file and terminal takes; paths can hold other bytes."""
    return node_id.encode("utf-8", "backslashreplace").decode("utf-8")
