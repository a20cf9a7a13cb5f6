"""The fixtures `spans` and `cost_budget`, as a user's tests see them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

# Loaded here, because what is first loaded by a run within this process is forgotten after it, and
# loaded a second time by the next one, with other classes of the same names.
from observability_integration.cost.accounting import CostObserver
from observability_integration.cost.budget import CostBudget
from observability_integration.tracer import TracerPrimitive
from tta_dev_primitives import (
    LambdaPrimitive,
    RetryPrimitive,
    RetryStrategy,
    SequentialPrimitive,
    WorkflowPrimitive,
)

pytest_plugins = ["pytester"]
LOADED = (
    *(LambdaPrimitive, RetryPrimitive, RetryStrategy, SequentialPrimitive, WorkflowPrimitive),
    *(CostBudget, CostObserver, TracerPrimitive),
)

MODEL = """
import asyncio
import pytest
from observability_integration.pytest_plugin import RecordedSpans
from tta_dev_primitives import (
    LambdaPrimitive, RetryPrimitive, RetryStrategy, SequentialPrimitive, WorkflowPrimitive)
from tta_dev_primitives.core.observe import LLMRecord, report


class Model(WorkflowPrimitive):
    def __init__(self, *costs, model="gpt-4o", name="ask"):
        self.costs, self.model, self.name = list(costs), model, name

    async def execute(self, input_data, context=None):
        await asyncio.sleep(0)
        cost = self.costs.pop(0)
        if cost == "fail":
            cost = 0.02
            report(self.record(cost))
            raise ValueError("no use")
        report(self.record(cost))
        return input_data

    def record(self, cost):
        return LLMRecord("chat", "openai", self.model, self.model, 5, 5, 0, 0, 0, "stop", 0.1, None,
            cost)


FAST = RetryStrategy(initial_delay=0.0)
"""
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest on one test file, with the plugin and with event loops."""

    def run(text: str, *options: str) -> pytest.RunResult:
        monkeypatch.delenv("PYTEST_CURRENT_TEST")
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        pytester.makepyfile(MODEL + text)
        plugins = ("-p", "observability_integration.pytest_plugin", "-p", "pytest_asyncio.plugin")
        loops = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
        # This process has imported it.
        strict = ("-W", "error", "-W", "ignore:Module already imported so cannot be rewritten")
        return pytester.runpytest_inprocess(*plugins, *loops, *strict, *options)

    return run


def test_spans_are_those_of_the_test_in_order(run: Run) -> None:
    """A test sees the spans of another one, or sees its own in the order of their ends."""
    result = run(
        """
def echo(x):
    return x

workflow = echo >> RetryPrimitive(Model("fail", 0.01), strategy=FAST, name="again")
workflow.name = "app"

async def test_async(spans):
    assert len(spans) == 0
    await workflow.execute("hi")
    assert [span.name for span in spans] == [
        "invoke_workflow app", "lambda echo", "retry again", "chat gpt-4o", "chat gpt-4o"]
    assert spans.tree() == '''\\
invoke_workflow app
  lambda echo
  retry again
    chat gpt-4o [error: ValueError]
    chat gpt-4o'''
    assert [span.attributes["tta.retry.attempt"] for span in spans.named("chat *")] == [1, 2]
    assert spans[0] is spans.one("invoke_workflow app")
    assert spans[-1] is spans.one("chat *", {"tta.outcome": "ok"})
    assert isinstance(spans, RecordedSpans)

def test_sync(spans):
    LambdaPrimitive(len).run("hi")
    assert spans.one().name == "invoke_workflow len"
"""
    )
    result.assert_outcomes(passed=2)


def test_one_span_too_few_or_many_shows_what_there_is(run: Run) -> None:
    """A test fails for a missing span, and the text does not say which there were."""
    result = run(
        """
def test_missing(spans):
    LambdaPrimitive(len).run("hi")
    spans.one("cache answers")

def test_two(spans):
    LambdaPrimitive(len).run("hi")
    LambdaPrimitive(len).run("hi")
    spans.one("invoke_workflow len", {"tta.outcome": "ok"})
"""
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*expected one span 'cache answers', found 0 among <1 spans>",
            "*invoke_workflow len",
            "*expected one span * with {'tta.outcome': 'ok'}, found 2 among <2 spans>",
        ]
    )


def test_spans_that_still_run_are_not_shown(run: Run) -> None:
    """A span without an end is compared, or raises."""
    result = run(
        """
async def test_running(spans):
    async def look(x):
        return len(spans)
    assert await LambdaPrimitive(look).execute(1) == 0
    assert len(spans) == 1
"""
    )
    result.assert_outcomes(passed=1)


def test_names_may_hold_brackets(run: Run) -> None:
    """A name with brackets or question marks is taken for a pattern."""
    result = run(
        """
def test_brackets(spans):
    LambdaPrimitive(len, name="a[1]?").run("hi")
    assert spans.one("invoke_workflow a[1]?")
    assert spans.named("invoke_workflow a1x") == []
"""
    )
    result.assert_outcomes(passed=1)


BUDGETS = {
    "within": ("cost_budget(max_usd=0.3, max_calls=3)", [0.1, 0.1, 0.1], True),
    "too-dear": ("cost_budget(max_usd=0.03)", [0.01, 0.02, 0.001], False),
    "too-many": ("cost_budget(max_calls=2)", [0.01, 0.01, 0.01], False),
    "dear-calls-only-counted": ("cost_budget(max_calls=3)", [9.0, 9.0, 9.0], True),
    "unpriced": ("cost_budget(max_usd=100)", [0.01, None, 0.01], False),
    "unpriced-only-counted": ("cost_budget(max_calls=3)", [None, None, None], True),
    "unpriced-calls-count": ("cost_budget(max_calls=2)", [None, None, None], False),
    "free": ("cost_budget(max_usd=0)", [0.0, 0.0, 0.0], True),
}
FORMS = {
    "with": "    with {budget}:\n        {call}\n",
    "rest-of-test": "    {budget}\n    {call}\n",
}
TESTS = {
    "sync": ("def", "(step >> step >> step).run(1)"),
    "async": ("async def", "await (step >> step >> step).execute(1)"),
}


@pytest.mark.parametrize("define", TESTS)
@pytest.mark.parametrize("form", FORMS)
def test_a_test_fails_when_its_budget_is_broken(run: Run, define: str, form: str) -> None:
    """A test that costs too much passes, or one that does not fails."""
    keyword, call = TESTS[define]
    tests = [
        f"{keyword} test_{name.replace('-', '_')}(cost_budget):\n"
        f"    step = Model(*{costs!r})\n" + FORMS[form].format(budget=budget, call=call)
        for name, (budget, costs, _) in BUDGETS.items()
    ]
    result = run("\n".join(tests), "-rA")
    passed = sum(passes for _, _, passes in BUDGETS.values())
    result.assert_outcomes(passed=passed, failed=len(BUDGETS) - passed)
    for name, (_, _, passes) in BUDGETS.items():
        word = "PASSED" if passes else "FAILED"
        result.stdout.fnmatch_lines([f"{word} *::test_{name.replace('-', '_')}*"])


def test_the_failure_says_who_spent_it(run: Run) -> None:
    """One is told that a test cost too much, and has to find out by oneself where."""
    result = run(
        """
def test_dear(cost_budget):
    with cost_budget(max_usd=0.01, max_calls=1):
        app = RetryPrimitive(Model("fail", 0.03, name="think"), strategy=FAST, name="app")
        (app >> Model(None, model="house", name="say")).run(1)
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "the cost budget is broken:",
            "- spent $0.05, at most $0.01 allowed",
            "- made 3 calls, at most 1 allowed",
            "- calls without a known price: 1 ('house'), so nobody can tell *.set_price()",
            "total: spent $0.05, wasted $0.02 of it, 3 calls, 1 without a known price",
            "by path:",
            "  0/0.app/0.think: spent $0.05, wasted $0.02 of it, 2 calls",
            "  0/1.say: 1 call, 1 without a known price",
            "by model:",
            "  gpt-4o: spent $0.05, *",
            "  house: *",
        ]
    )


def test_only_the_block_counts(run: Run) -> None:
    """What a test spends before or after the block breaks its budget."""
    result = run(
        """
def test_block(cost_budget):
    Model(1.0).run(1)
    with cost_budget(max_usd=0.01) as costs:
        Model(0.01).run(1)
    Model(1.0).run(1)
    assert costs.report.spent == 0.01
"""
    )
    result.assert_outcomes(passed=1)


def test_budgets_within_each_other_all_hold(run: Run) -> None:
    """The outer of two budgets forgets what the inner one saw."""
    result = run(
        """
def test_outer(cost_budget):
    cost_budget(max_usd=0.03)
    with cost_budget(max_usd=0.02):
        Model(0.02).run(1)
    Model(0.02).run(1)

def test_next_has_its_own(cost_budget):
    with cost_budget(max_usd=0.01):
        Model(0.01).run(1)
"""
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["- spent $0.04, at most $0.03 allowed"])


@pytest.mark.parametrize("form", FORMS)
def test_a_failed_test_keeps_its_own_failure(run: Run, form: str) -> None:
    """The error of a test is hidden by that of its budget."""
    body = FORMS[form].format(budget="cost_budget(max_usd=0.01)", call="work()")
    result = run(
        "def work():\n    Model(0.02).run(1)\n    assert 'mine' == 'yours'\n"
        f"def test_both(cost_budget):\n{body}"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: assert 'mine' == 'yours'*"])
    result.stdout.fnmatch_lines(["*- spent $0.02, at most $0.01 allowed"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "needs max_usd, max_calls or both"),
        ("max_usd=-1", "max_usd must be 0 or more, got -1"),
        ("max_calls=-1", "max_calls must be 0 or more, got -1"),
        ("max_usd=float('nan')", "max_usd must be 0 or more, got nan"),
    ],
    ids=["no-limit", "negative", "negative-calls", "nan"],
)
def test_a_budget_that_makes_no_sense_is_refused(run: Run, arguments: str, message: str) -> None:
    """A mistyped limit makes a budget that always holds."""
    result = run(f"def test_it(cost_budget):\n    cost_budget({arguments})\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*ValueError: *{message}*"])


def test_nothing_stays_behind(run: Run) -> None:
    """After a test with fixtures the process goes on being watched."""
    result = run(
        """
from tta_dev_primitives.core import observe

@pytest.mark.parametrize("fails", [False, True])
def test_it(spans, cost_budget, fails):
    cost_budget(max_calls=1)
    assert not fails

@pytest.fixture
def broken(cost_budget):
    cost_budget(max_calls=1)
    raise RuntimeError("no start")

def test_never_began(broken):
    pass

def test_after():
    assert observe.active is None
""",
        "-p",
        "no:randomly",
    )
    result.assert_outcomes(passed=2, failed=1, errors=1)


def test_loading_the_plugin_loads_nothing_else() -> None:
    """Every run of pytest pays for OpenTelemetry because the package is installed."""
    code = (
        "import sys, pytest, observability_integration.pytest_plugin\n"
        "heavy = ('opentelemetry', 'tta_dev_primitives', 'genai_prices', 'asyncio')\n"
        "assert [name for name in heavy if name in sys.modules] == [], sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_processes_do_not_share_anything(pytester: pytest.Pytester) -> None:
    """Workers of a parallel run count each other's calls."""
    path = pytester.makepyfile(
        MODEL
        + "@pytest.mark.parametrize('number', range(3))\n"
        + "async def test_it(cost_budget, spans, number):\n"
        + "    cost_budget(max_usd=0.01)\n    await Model(0.01).execute(1)\n    spans.one()\n"
    )
    command = [
        *(
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-o",
            "asyncio_mode=auto",
        ),
        *("-p", "observability_integration.pytest_plugin", "-p", "pytest_asyncio.plugin"),
    ]
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": "", "SYSTEMROOT": "C:\\Windows"}
    workers = [
        subprocess.Popen(
            [*command, f"{path}::test_it[{number}]"],
            env=environment,
            cwd=pytester.path,
            stdout=subprocess.PIPE,
        )
        for number in range(2)
    ]
    for worker in workers:
        output, _ = worker.communicate(timeout=60)
        assert worker.returncode == 0, output.decode()
