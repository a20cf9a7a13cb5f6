"""Runs in several processes: what each counted is put together, and nothing is lost in silence."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from observability_integration.pytest_plugin.whole_run.costs import (
    RunCosts,
    from_plain,
    merged,
    plain,
)
from observability_integration.pytest_plugin.whole_run.counting import RunCounter, WorkerPlugin
from observability_integration.pytest_plugin.whole_run.gate import RunGate
from observability_integration.pytest_plugin.whole_run.wishes import Wishes

from .runs import MODEL, Runs, report

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytester"]

COSTS = RunCosts({"a": report(0.3, 3, unpriced=1)}, report(0.2, saved=0.1, model="m"), ("gw9",))


def test_costs_survive_the_way_between_processes() -> None:
    """A figure that a worker counted does not arrive."""
    assert from_plain(json.loads(json.dumps(plain(COSTS)))) == COSTS


def test_costs_of_workers_add_up() -> None:
    """A test that ran in two workers is counted once."""
    both = merged([COSTS, RunCosts({"a": report(0.1)}), COSTS])
    assert (both.tests["a"].spent, both.tests["a"].calls) == (pytest.approx(0.7), 7)
    assert (both.outside.calls, both.outside.saved) == (2, 0.2)
    assert both.lost == ("gw9", "gw9")


@pytest.mark.parametrize(
    ("output", "complete"),
    [({WorkerPlugin.KEY: plain(replace(COSTS, lost=()))}, True), ({}, False), (None, False)],
    ids=["told", "without-the-plugin", "crashed"],
)
def test_a_worker_that_tells_nothing_is_missed(
    tmp_path: Path, output: dict[str, Any] | None, complete: bool
) -> None:
    """A worker crashes, and the run passes with what the others spent."""
    path = tmp_path / "costs.json"
    counter = RunCounter()
    gate = RunGate(Wishes(None, None, path, is_updated=False), counter)
    gateway = SimpleNamespace(id="gw0")
    node = SimpleNamespace(gateway=gateway, workeroutput=output)
    gate.pytest_testnodedown(SimpleNamespace(gateway=gateway) if output is None else node)
    session: Any = SimpleNamespace(exitstatus=pytest.ExitCode.OK, shouldfail=False)
    gate.pytest_sessionfinish(session, pytest.ExitCode.OK)
    counter.close()
    told = json.loads(path.read_text())
    assert told["total"]["calls"] == (4 if complete else 0)
    assert told["complete"] is complete


def test_a_worker_only_counts_and_tells(run: Runs) -> None:
    """Each worker holds its part of the run to the budget, or keeps its figures to itself."""
    run.pytester.makeconftest(
        """
import json, pathlib, pytest

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.workerinput, config.workeroutput = {"workerid": "gw0"}, {}

def pytest_unconfigure(config):
    pathlib.Path("output.json").write_text(json.dumps(config.workeroutput))
"""
    )
    text = "def test_one():\n    pay(0.01)\n"
    options = ("--cost-budget=missing.toml", "--cost-budget-update", "--cost-report=costs.json")
    result = run(text, *options)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*costs*")
    output = json.loads((run.folder / "output.json").read_text())
    assert from_plain(output[WorkerPlugin.KEY]).tests == {"test_it.py::test_one": report(0.01)}
    assert not (run.folder / "missing.toml").exists()
    assert not (run.folder / "costs.json").exists()


def test_processes_that_tell_nothing_are_refused(run: Runs) -> None:
    """Each test runs in a process of its own, and all of them cost nothing."""
    run.pytester.makeconftest(
        "def pytest_addoption(parser):\n    parser.addoption('--forked', action='store_true')\n"
    )
    result = run("def test_one(): pass\n", "--forked", "--cost-report=costs.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: the processes of --forked do not tell their costs; *"])


@pytest.mark.skipif(
    importlib.util.find_spec("xdist") is None,
    reason="needs pytest-xdist: uv pip install pytest-xdist",
)
@pytest.mark.parametrize("crashes", [False, True], ids=["whole", "crash"])
def test_workers_of_xdist_count_for_one_run(pytester: pytest.Pytester, crashes: bool) -> None:
    """A run in parallel costs nothing, or as much as one of its workers."""
    death = "def test_dies():\n    import os\n    os._exit(1)\n" if crashes else ""
    pytester.makepyfile(
        MODEL
        + "@pytest.mark.parametrize('number', range(8))\n"
        + "def test_one(number):\n    pay(0.01)\n"
        + death
    )
    (pytester.path / "budget.toml").write_text("max_calls = 8\n")
    options = ("-n", "2", "-p", "no:randomly", "--cost-budget=budget.toml", "--cost-report=c.json")
    environment = {**os.environ, "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-q", *options]
    done = subprocess.run(
        command, cwd=pytester.path, env=environment, capture_output=True, text=True, timeout=120
    )
    told = json.loads((pytester.path / "c.json").read_text())
    assert told["complete"] is not crashes
    if crashes:
        assert "spent is not known" in done.stdout
    else:
        assert done.returncode == pytest.ExitCode.OK, done.stdout
        assert (told["total"]["calls"], len(told["tests"])) == (8, 8)
