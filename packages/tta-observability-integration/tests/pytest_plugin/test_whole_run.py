"""What a run of tests costs: what counts for which test, and what is told of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from .runs import Runs

pytest_plugins = ["pytester"]


def told(run: Runs, text: str, *options: str) -> dict[str, Any]:
    """Return the JSON report of a run that passes."""
    result = run(text, "--cost-report=costs.json", *options)
    assert result.ret == pytest.ExitCode.OK
    return json.loads((run.folder / "costs.json").read_text())


def spent_by_test(report: dict[str, Any]) -> dict[str, float]:
    return {test["id"].partition("::")[2]: test["spent_usd"] for test in report["tests"]}


PLACES = {
    "call": ("def test_one():\n    pay(0.02)\n", {"test_one": 0.02}, 0.0),
    "import": ("pay(0.02)\ndef test_one(): pass\n", {}, 0.02),
    "own-fixture": (
        (
            "@pytest.fixture\ndef paid():\n    pay(0.02)\n    yield\n    pay(0.03)\n"
            "def test_one(paid): pass\n"
        ),
        {"test_one": 0.05},
        0.0,
    ),
    "shared-fixture": (
        (
            "@pytest.fixture(scope='session')\ndef paid():\n    pay(0.02)\n"
            "def test_one(paid):\n    pay(0.01)\ndef test_two(paid): pass\n"
        ),
        {"test_one": 0.01},
        0.02,
    ),
    "own-fixture-in-shared": (
        (
            "@pytest.fixture(scope='module')\ndef shared():\n    pay(0.02)\n"
            "@pytest.fixture\ndef own(shared):\n    pay(0.03)\n"
            "def test_one(own): pass\ndef test_two(own): pass\n"
        ),
        {"test_one": 0.03, "test_two": 0.03},
        0.02,
    ),
    "thread": (
        (
            "def test_one():\n    thread = threading.Thread(target=pay, args=(0.02,))\n"
            "    thread.start()\n    thread.join()\n"
        ),
        {"test_one": 0.02},
        0.0,
    ),
    "parameters": (
        "@pytest.mark.parametrize('cost', [0.02, 0.03])\ndef test_one(cost):\n    pay(cost)\n",
        {"test_one[0.02]": 0.02, "test_one[0.03]": 0.03},
        0.0,
    ),
    "inner-budget": (
        (
            "def test_one(cost_budget, spans):\n    cost_budget(max_calls=1)\n    pay(0.02)\n"
            "def test_two():\n    pay(0.03)\n"
        ),
        {"test_one": 0.02, "test_two": 0.03},
        0.0,
    ),
}


@pytest.mark.parametrize(("text", "tests", "outside"), PLACES.values(), ids=PLACES)
def test_a_call_counts_where_it_began(
    run: Runs, text: str, tests: dict[str, float], outside: float
) -> None:
    """A call is counted for another test, twice, or not at all."""
    report = told(run, text)
    assert spent_by_test(report) == tests
    assert report["outside_tests"]["spent_usd"] == outside
    assert report["total"]["spent_usd"] == pytest.approx(sum(tests.values()) + outside)


def test_an_answer_after_its_test_counts_for_it(run: Runs) -> None:
    """What a test left running is paid for by the next one, or by nobody."""
    report = told(
        run,
        """
go, began = threading.Event(), threading.Event()

class Late(Model):
    async def execute(self, input_data, context=None):
        began.set()
        go.wait(10)
        return await super().execute(input_data, context)

thread = threading.Thread(target=Late(0.02).run, args=(1,))

def test_one():
    thread.start()
    assert began.wait(10)

def test_two():
    go.set()
    thread.join(10)
    pay(0.01)
""",
    )
    assert spent_by_test(report) == {"test_one": 0.02, "test_two": 0.01}


def test_the_report_has_all_figures_and_the_dearest_first(run: Runs) -> None:
    """A program has to add up by itself what a run wasted or saved."""
    report = told(
        run,
        """
def test_cheap():
    pay(0.01)

def test_wasteful():
    strategy = RetryStrategy(initial_delay=0.0)
    RetryPrimitive(Model(0.02, "other", fails=1), strategy=strategy).run("a")

def test_saving():
    known = CachePrimitive(Model(0.02))
    for _ in range(2):
        known.run("a")
""",
    )
    figures = {"spent_usd": 0.07, "wasted_usd": 0.02, "saved_usd": 0.02, "calls": 4}
    assert {key: report["total"][key] for key in figures} == pytest.approx(figures)
    assert [report[key] for key in ("format", "version", "complete", "budget")] == [
        *("tta-test-costs", 1, True, None)
    ]
    assert list(spent_by_test(report)) == ["test_wasteful", "test_saving", "test_cheap"]
    assert {model: it["calls"] for model, it in report["by_model"].items()} == {
        "gpt-4o": 2,
        "other": 2,
    }


def test_the_terminal_tells_the_total_and_the_dearest_tests(run: Runs) -> None:
    """Somebody has to open a file to see which test is dear."""
    result = run(
        "@pytest.mark.parametrize('cents', range(7))\ndef test_one(cents):\n    pay(cents / 100)\n"
        "pay(1.5)\n",
        "--cost-report=costs.json",
    )
    result.stdout.fnmatch_lines(
        [
            "*= costs =*",
            "total: spent $1.71, 8 calls",
            "dearest tests:",
            "  test_it.py::test_one[[]6]: spent $0.06, 1 call",
            "  test_it.py::test_one[[]5]: spent $0.05, 1 call",
            "  and 2 more",
            "outside of single tests: spent $1.50, 1 call",
            "*7 passed*",
        ]
    )


def test_nothing_of_questions_and_answers_is_told(run: Runs) -> None:
    """A prompt ends up in a file that is kept with the build."""
    report = told(run, "def test_one():\n    Model(0.01).run('a secret question')\n")
    assert "secret" not in json.dumps(report)


def test_a_run_that_asks_for_nothing_is_not_watched(run: Runs) -> None:
    """Every run of pytest pays for the counting, and shows a section that nobody wants."""
    result = run(
        "from tta_dev_primitives.core import observe\n"
        "def test_one():\n    assert observe.active is None\n    pay(0.01)\n"
    )
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*costs*")


def test_a_run_without_options_loads_nothing_of_this() -> None:
    """Every run of pytest pays for reading budgets."""
    code = (
        "import sys, pytest\n"
        "pytest.main(['-p', 'observability_integration.pytest_plugin', '--version'])\n"
        "heavy = ('observability_integration.pytest_plugin.whole_run', 'tta_dev_primitives')\n"
        "assert [name for name in heavy if name in sys.modules] == [], sorted(sys.modules)\n"
    )
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "SYSTEMROOT": "C:\\Windows"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)
