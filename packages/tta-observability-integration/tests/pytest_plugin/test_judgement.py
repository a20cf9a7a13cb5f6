"""Holding what a run cost to its budget and to what was accepted."""

from __future__ import annotations

import math

import pytest

from observability_integration.cost.budget import CostBudget
from observability_integration.cost.report import CostReport
from observability_integration.pytest_plugin.whole_run.budget import (
    AcceptedCost,
    AcceptedCosts,
    PatternLimits,
    RunBudget,
)
from observability_integration.pytest_plugin.whole_run.change import Change
from observability_integration.pytest_plugin.whole_run.costs import RunCosts
from observability_integration.pytest_plugin.whole_run.judgement import Judgement, judge

from .runs import report


def accepted(usd: float | None, calls: int, **tests: tuple[float | None, int]) -> AcceptedCosts:
    return AcceptedCosts(
        AcceptedCost(usd, calls), {name: AcceptedCost(*cost) for name, cost in tests.items()}
    )


def judged(budget: RunBudget, costs: RunCosts, *also_ran: str, accepts: bool = False) -> Judgement:
    names = {*costs.tests, *also_ran}
    return judge(budget, costs, ran=names, seen=names, accepts=accepts)


COSTS = RunCosts({"a": report(0.3, 3), "b": report(0.1)}, report(0.2))
UNPRICED = RunCosts({"a": report(0.0, unpriced=1, model="house")})
FAULTS: dict[str, tuple[RunBudget, RunCosts, list[str]]] = {
    "nothing-limited": (RunBudget(), COSTS, []),
    "at-the-limit": (RunBudget(CostBudget(0.6, 5)), COSTS, []),
    "above": (
        RunBudget(CostBudget(0.5, 4)),
        COSTS,
        ["spent $0.6, at most $0.5 allowed", "made 5 calls, at most 4 allowed"],
    ),
    "every-pattern-holds": (
        RunBudget(
            tests=(
                PatternLimits("*", CostBudget(max_calls=2)),
                PatternLimits("b", CostBudget(max_usd=0.05)),
            )
        ),
        COSTS,
        ["a: made 3 calls, at most 2 allowed", "b: spent $0.1, at most $0.05 allowed"],
    ),
    "as-accepted": (
        RunBudget(tolerance=0, accepted=accepted(0.6, 5, a=(0.3, 3), b=(0.1, 1))),
        COSTS,
        [],
    ),
    "within-tolerance": (RunBudget(tolerance=0.2, accepted=accepted(0.5, 5)), COSTS, []),
    "beyond-tolerance": (
        RunBudget(tolerance=0.1, accepted=accepted(0.4, 5, a=(0.2, 3))),
        COSTS,
        [
            (
                "spent $0.6, at most $0.44 tolerated: +50% dearer than the accepted $0.4; "
                "most by a (+$0.1), b (+$0.1)"
            )
        ],
    ),
    "outside-has-grown": (
        RunBudget(tolerance=0.1, accepted=accepted(0.5, 5, a=(0.3, 3), b=(0.1, 1))),
        COSTS,
        [
            (
                "spent $0.6, at most $0.55 tolerated: +20% dearer than the accepted $0.5; "
                "most by outside of single tests (+$0.1)"
            )
        ],
    ),
    "nothing-was-accepted": (
        RunBudget(accepted=accepted(0.0, 5)),
        RunCosts({"a": report(0.1)}),
        [
            "spent $0.1, at most $0 tolerated: all dearer than the accepted $0; most by a (+$0.1)",
        ],
    ),
    "more-calls": (
        RunBudget(tolerance=0.1, accepted=accepted(0.6, 4)),
        COSTS,
        ["made 5 calls, at most 4 tolerated: +25% more than the accepted 4"],
    ),
    "cheaper": (RunBudget(tolerance=0, accepted=accepted(6.0, 50)), COSTS, []),
    "lost": (
        RunBudget(CostBudget(1.0)),
        RunCosts(lost=("worker gw1",)),
        ["what worker gw1 spent is not known, because it ended before it could tell"],
    ),
}


@pytest.mark.parametrize(("budget", "costs", "faults"), FAULTS.values(), ids=FAULTS)
def test_a_budget_breaks_for_what_is_too_much(
    budget: RunBudget, costs: RunCosts, faults: list[str]
) -> None:
    """A run that costs too much passes, or one that does not fails."""
    assert list(judged(budget, costs).faults) == faults


@pytest.mark.parametrize(
    "budget",
    [
        RunBudget(CostBudget(100.0)),
        RunBudget(accepted=accepted(100.0, 10)),
        RunBudget(CostBudget(100.0), accepted=accepted(100.0, 10)),
        RunBudget(tests=(PatternLimits("a", CostBudget(100.0)),)),
    ],
    ids=["limit", "accepted", "both-told-once", "test"],
)
def test_an_unknown_price_breaks_every_limit_of_dollars(budget: RunBudget) -> None:
    """A model without a price makes a run look free, or is complained of twice."""
    (fault,) = judged(budget, UNPRICED).faults
    assert "calls without a known price: 1 ('house')" in fault


def test_an_unknown_price_breaks_no_limit_of_calls() -> None:
    """A team with a model of its own cannot count its calls."""
    budget = RunBudget(CostBudget(max_calls=1), accepted=accepted(None, 1, a=(None, 1)))
    judgement = judged(budget, UNPRICED)
    assert judgement.faults == ()
    assert judgement.spent is None
    assert judgement.mark("a") == ""


def test_what_is_accepted_anyway_cannot_be_too_dear() -> None:
    """One cannot accept that a run became dearer, because it became dearer."""
    budget = RunBudget(CostBudget(0.5), accepted=accepted(0.1, 1))
    judgement = judged(budget, COSTS, accepts=True)
    assert judgement.faults == ("spent $0.6, at most $0.5 allowed",)
    assert judgement.spent is not None
    assert (judgement.spent.before, judgement.spent.now) == pytest.approx((0.1, 0.6))


def test_tests_that_did_not_run_are_taken_from_what_was_accepted() -> None:
    """A run of some tests is compared with one of all."""
    budget = RunBudget(accepted=accepted(1.0, 9, a=(0.3, 3), b=(0.1, 1), gone=(0.4, 4)))
    judgement = judged(budget, COSTS)
    assert judgement.spent is not None
    assert (judgement.spent.before, judgement.spent.now) == pytest.approx((0.6, 0.6))
    assert judgement.calls == Change(5, 5)
    assert judgement.notes == ("accepted tests that did not run: 1 of 3; they are in no change",)


def test_a_test_that_ran_for_nothing_became_cheaper() -> None:
    """A test that needs no model any more is taken for one that did not run."""
    judgement = judged(RunBudget(accepted=accepted(0.1, 1, a=(0.1, 1))), RunCosts(), "a")
    assert judgement.mark("a") == "-100% cheaper"
    assert judgement.notes == ()


def test_a_test_that_was_not_accepted_is_new() -> None:
    """A new test is told to be dearer than something."""
    judgement = judged(RunBudget(accepted=accepted(0.3, 3, a=(0.3, 3))), COSTS)
    assert {name: judgement.mark(name) for name in ("a", "b", "c")} == {
        "a": "unchanged",
        "b": "new",
        "c": "",
    }


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (1.0, 1.12, "+12% dearer"),
        (1.0, 0.7, "-30% cheaper"),
        (1.0, 1.004, "+0.4% dearer"),
        (1.0, 1.0004, "unchanged"),
        (1.0, 0.9996, "unchanged"),
        (1.0, 13.0, "+1,200% dearer"),
        (0.0, 0.0, "unchanged"),
        (0.0, 0.1, "all dearer"),
        (0.1, 0.0, "-100% cheaper"),
    ],
)
def test_a_change_reads_as_one_would_say_it(before: float, now: float, words: str) -> None:
    """A change of nothing is told as one of 0%, or one from nothing divides by it."""
    assert Change(before, now).in_words() == words


def test_a_pattern_takes_brackets_as_they_are() -> None:
    """The id of a parameter in a pattern is taken for a set of letters."""
    limit = PatternLimits("*::test_a[x?]", CostBudget(max_calls=1))
    assert limit.covers("test_it.py::test_a[x?]")
    assert not limit.covers("test_it.py::test_ax")


def test_totals_are_those_of_all_tests_and_the_rest() -> None:
    """The total leaves out a model, or what belongs to no test."""
    total = RunCosts({"a": report(0.1, model="m"), "b": report(0.2)}, report(0.3, saved=1.0)).total
    assert total.spent == math.fsum([0.1, 0.2, 0.3])
    assert (total.calls, total.saved) == (3, 1.0)
    assert {model: share.calls for model, share in total.by_model.items()} == {"gpt-4o": 2, "m": 1}
    assert total.by_model["m"].spent == CostReport(0.1).spent
