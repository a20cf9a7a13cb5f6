"""Hold a run of tests to its budget when it ends, and tell what it cost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from .accepted_figures import accepted_costs, with_accepted, write_atomically
from .budget_file import BudgetFileError, read_text
from .costs import RunCosts, from_plain, merged
from .counting import CountingPlugin, RunCounter, WorkerPlugin, node_id_text
from .judgement import Judgement, judge
from .report_file import report_json
from .step_summary import step_summary
from .summary import summary_lines
from .told_run import ToldRun
from .wishes import checked_wishes

if TYPE_CHECKING:
    from .wishes import Wishes

MOST_NAMED: Final = 3
_STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"


def watch_run(
    config: pytest.Config, budget_path: Path | None, report_path: Path | None, *, update: bool
) -> None:
    """Count the calls of models of this run, and hold it to its budget when it ends.

    Args:
        config: The run's.
        budget_path: The budget file; None for none.
        report_path: Where the JSON goes; None for nowhere.
        update: Whether the figures of the run become the accepted ones.

    Raises:
        pytest.UsageError: An option or the budget file cannot be used.
    """
    plugins = config.pluginmanager
    if hasattr(config, "workerinput"):  # a part of a run, which another process judges
        counter = RunCounter()
        plugins.register(WorkerPlugin(counter), "tta-cost-worker")
    else:
        wishes = checked_wishes(config, budget_path, report_path, update=update)
        counter = RunCounter()
        plugins.register(RunGate(wishes, counter), "tta-cost-gate")
    plugins.register(CountingPlugin(counter), "tta-cost-counting")


class RunGate:
    """The hooks of pytest that judge a run by what it cost.

    Args:
        wishes: What to do when it has ended.
        counter: Counts the calls of this process.
    """

    def __init__(self, wishes: Wishes, counter: RunCounter) -> None:
        self._wishes, self._counter = wishes, counter
        self._workers: list[RunCosts] = []
        self._seen: set[str] = set()
        self._ran: set[str] = set()
        self._told: ToldRun | None = None
        self._done: list[str] = []
        self._troubles: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember which tests there were."""
        node_id = node_id_text(report.nodeid)
        self._seen.add(node_id)
        if report.when == "call" and not report.skipped:
            self._ran.add(node_id)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # Any: a class of pytest-xdist
        """Take what a worker counted, at its end."""
        output = cast("dict[str, Any] | None", getattr(node, "workeroutput", None))
        told = (output or {}).get(WorkerPlugin.KEY)
        lost = RunCosts(lost=(f"worker {node.gateway.id}",))
        self._workers.append(lost if told is None else from_plain(told))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Judge the run, and write what was asked for."""
        wishes = self._wishes
        costs = merged([self._counter.costs(), *self._workers])
        accepts = wishes.is_updated and exitstatus == pytest.ExitCode.OK and not costs.lost
        judgement = Judgement()
        if wishes.budget is not None:
            judgement = judge(wishes.budget, costs, ran=self._ran, seen=self._seen, accepts=accepts)
        name = None if wishes.budget_path is None else wishes.budget_path.name
        told = self._told = ToldRun(costs, name, wishes.budget, judgement)
        if accepts and wishes.budget_path is not None:
            self._accept(wishes.budget_path, costs)
        elif wishes.is_updated:
            self._troubles.append("the accepted figures stay as they are: the run did not pass")
        self._write_reports(told)
        if judgement.faults or self._troubles:
            broken = told.verdict if judgement.faults else None
            session.shouldfail = broken or self._troubles[0]
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the costs, and what is wrong with them in red."""
        told, write = self._told, terminalreporter.write_line
        if told is None:
            return
        terminalreporter.write_sep("=", "costs")
        for line in [*summary_lines(told), *self._done]:
            write(line)
        faults = told.judgement.faults
        if told.verdict is not None:
            write(told.verdict + (":" if faults else ""), red=bool(faults), green=not faults)
        for line in [*(f"- {fault}" for fault in faults), *self._troubles]:
            write(line, red=True)

    def _accept(self, path: Path, costs: RunCosts) -> None:
        """Write the figures of the run into the budget file."""
        accepted = accepted_costs(costs)
        try:
            # It may have been edited since the run began.
            text = read_text(path) if path.exists() else ""
            write_atomically(path, with_accepted(path, text, accepted))
        except (BudgetFileError, OSError) as error:
            self._troubles.append(f"the accepted figures could not be written: {error}")
            return
        self._done.append(f"accepted figures written to {path.name}")
        budget = self._wishes.budget
        before = None if budget is None else budget.accepted
        gone = sorted(set(before.tests if before else ()) - accepted.tests.keys())
        if gone:
            named = ", ".join(gone[:MOST_NAMED])
            more = f" and {len(gone) - MOST_NAMED} more" if len(gone) > MOST_NAMED else ""
            self._done.append(f"no longer among them: {named}{more}")

    def _write_reports(self, told: ToldRun) -> None:
        """Write the JSON and the summary of the GitHub step."""
        path = self._wishes.report_path
        if path is not None:
            try:
                write_atomically(path, report_json(told))
            except OSError as error:
                self._troubles.append(f"the cost report could not be written: {error}")
        summary_path = os.environ.get(_STEP_SUMMARY)
        if summary_path:
            try:
                with Path(summary_path).open("a", encoding="utf-8") as file:
                    file.write(step_summary(told))
            except OSError as error:
                # Nobody asked for it by name, so it breaks nothing.
                self._done.append(f"note: the step's summary could not be written: {error}")
