"""`check_order` finds orders that defeat a policy, and is silent about the others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives import (
    BudgetPrimitive,
    BulkheadPrimitive,
    CachePrimitive,
    CircuitBreakerPrimitive,
    FallbackPrimitive,
    HedgePrimitive,
    Limit,
    ParallelPrimitive,
    RateLimitPrimitive,
    RetryPrimitive,
    RetryStrategy,
    TimeoutPrimitive,
)
from tta_dev_primitives.core.base import WorkflowPrimitive
from tta_dev_primitives.recovery.resilient import OrderProblem, check_order, resilient
from tta_dev_primitives.recovery.schedules import constant


async def fetch(x: Any) -> Any:
    return x


async def backup(x: Any) -> Any:
    return x


class Adapter(WorkflowPrimitive):
    """Stands for a client with limits of its own."""

    upstream = True

    async def execute(self, input_data: Any, context: Any) -> Any:
        return input_data


def cache(step: Any) -> CachePrimitive:
    return CachePrimitive(step)


def timeout(step: Any, seconds: float = 5) -> TimeoutPrimitive:
    return TimeoutPrimitive(step, seconds)


def retry(step: Any, **arguments: Any) -> RetryPrimitive:
    return RetryPrimitive(step, **arguments)


def hedge(step: Any) -> HedgePrimitive:
    return HedgePrimitive(step)


def budget(step: Any) -> BudgetPrimitive:
    return BudgetPrimitive(step)


def rate_limit(step: Any) -> RateLimitPrimitive:
    return RateLimitPrimitive(step, limits=[Limit(60)])


def bulkhead(step: Any) -> BulkheadPrimitive:
    return BulkheadPrimitive(step)


def breaker(step: Any, **arguments: Any) -> CircuitBreakerPrimitive:
    return CircuitBreakerPrimitive(step, **arguments)


def fallback(step: Any, other: Any = backup) -> FallbackPrimitive:
    return FallbackPrimitive(step, other)


BOTH_WAYS = {
    "retry-around-cache": (retry(cache(fetch)), cache(retry(fetch))),
    "hedge-around-cache": (hedge(cache(fetch)), cache(hedge(fetch))),
    "budget-around-cache": (budget(cache(fetch)), cache(budget(fetch))),
    "rate-limit-around-cache": (rate_limit(cache(fetch)), cache(rate_limit(fetch))),
    "bulkhead-around-cache": (bulkhead(cache(fetch)), cache(bulkhead(fetch))),
    "breaker-around-cache": (breaker(cache(fetch)), cache(breaker(fetch))),
    "breaker-around-retry": (breaker(retry(fetch)), retry(breaker(fetch))),
    "rate-limit-around-retry": (rate_limit(retry(fetch)), retry(rate_limit(fetch))),
    "hedge-around-retry": (hedge(retry(fetch)), retry(hedge(fetch))),
    "retry-around-fallback": (retry(fallback(fetch)), fallback(retry(fetch))),
    "breaker-around-fallback": (breaker(fallback(fetch)), fallback(breaker(fetch))),
    "breaker-around-rate-limit": (breaker(rate_limit(fetch)), rate_limit(breaker(fetch))),
    "breaker-around-bulkhead": (breaker(bulkhead(fetch)), bulkhead(breaker(fetch))),
    "bulkhead-around-rate-limit": (bulkhead(rate_limit(fetch)), rate_limit(bulkhead(fetch))),
    "budget-around-hedge": (budget(hedge(fetch)), hedge(budget(fetch))),
    "limit-never-reached": (
        timeout(retry(timeout(fetch, 9)), 2),
        timeout(retry(timeout(fetch)), 9),
    ),
    "breaker-sees-no-timeouts": (timeout(breaker(fetch)), breaker(timeout(fetch))),
    "retry-in-retry": (retry(retry(fetch)), retry(fetch)),
}


@pytest.mark.parametrize("rule", BOTH_WAYS)
def test_the_wrong_order_is_found_and_the_right_one_is_not(rule: str) -> None:
    """Each rule speaks for the wrong order alone."""
    wrong, right = BOTH_WAYS[rule]
    assert [problem.rule for problem in check_order(wrong)] == [rule]
    assert check_order(right) == []


@pytest.mark.parametrize(
    "workflow",
    [
        timeout(cache(fetch)),
        cache(fallback(fetch)),
        bulkhead(retry(fetch)),
        retry(cache(fetch) >> fetch),
        retry(fallback(fetch, cache(backup)) >> fetch),
        fallback(retry(fetch), retry(backup)),
        retry(retry(fetch), strategy=RetryStrategy(max_retries=0)),
        retry(retry(fetch, strategy=RetryStrategy(max_retries=0))),
        timeout(breaker(fetch, slow_call_seconds=2)),
        timeout(breaker(timeout(fetch, 2))),
        timeout(breaker(Adapter())),
        ParallelPrimitive([retry(fetch), retry(backup)]),
    ],
    ids=[
        "a limit that counts the store in",
        "a second best answer that is kept",
        "a place that is given up while the retry waits",
        "a cache for a part of what is retried",
        "a fallback for a part of what is retried",
        "patience with each alternative",
        "an outer retry that tries once",
        "an inner retry that tries once",
        "a breaker that counts slow calls",
        "a breaker with a limit inside",
        "a client with a limit",
        "branches",
    ],
)
def test_what_may_be_meant_is_not_complained_about(workflow: WorkflowPrimitive) -> None:
    """A warning that is wrong teaches people to read none."""
    assert check_order(workflow) == []


def test_a_problem_says_where_and_what_to_do() -> None:
    """Its text can stand in a report as it is, and its parts in a table."""
    workflow = breaker(timeout(retry(fetch)))
    assert check_order(workflow) == [
        OrderProblem(
            path="0",
            inner_path="0/0/0",
            rule="breaker-around-retry",
            what="CircuitBreaker around Retry",
            why="the breaker sees one call where there were several attempts, and opens too late",
            instead="put the retry around the breaker",
        )
    ]
    assert str(check_order(workflow)[0]) == (
        "0: CircuitBreaker around Retry: the breaker sees one call where there were several "
        "attempts, and opens too late; put the retry around the breaker"
    )


def test_a_retry_anywhere_inside_another_one_multiplies() -> None:
    """Also where a sequence, a branch or an alternative lies between the two."""
    workflow = retry(ParallelPrimitive([fetch, fallback(fetch, retry(backup))]))
    (problem,) = check_order(workflow)
    assert (problem.path, problem.inner_path) == ("0", "0/0/1/1")
    assert problem.why == "the attempts are multiplied: up to 4 x 4 = 16 requests"


def test_attempts_without_a_number_are_multiplied_too() -> None:
    """A schedule that ends by time says no number, and none is made up."""
    endless = constant(1).up_to(seconds=5)
    (problem,) = check_order(retry(retry(fetch, strategy=endless)))
    assert problem.why == "the attempts are multiplied"


def test_paths_are_those_of_walk() -> None:
    """What is found can be looked up."""
    workflow = timeout(ParallelPrimitive({"a": cache(fetch), "b": hedge(cache(backup))}))
    (problem,) = check_order(workflow)
    nodes = dict(workflow.walk())
    assert type(nodes[problem.path]) is HedgePrimitive
    assert type(nodes[problem.inner_path]) is CachePrimitive


def test_policies_are_seen_through_a_resilient_step() -> None:
    """A resilient step inside a retry is as bad as a retry inside a retry."""
    found = check_order(retry(resilient(fetch)))
    assert [problem.rule for problem in found] == ["retry-in-retry"]
    found = check_order(hedge(resilient(fetch, cache=60.0)))
    assert [problem.rule for problem in found] == ["hedge-around-cache", "hedge-around-retry"]


CHOICES: dict[str, Any] = {
    "fallback": backup,
    "cache": 60.0,
    "timeout": 10.0,
    "retry": 2,
    "hedge": 5.0,
    "budget": 5.0,
    "rate_limit": Limit(60),
    "bulkhead": 10,
    "breaker": 0.5,
    "attempt_timeout": 3.0,
}


@given(st.sets(st.sampled_from(sorted(CHOICES))))
def test_the_recommended_order_is_never_complained_about(chosen: set[str]) -> None:
    """Whatever is asked for, with a limit for each attempt where a breaker is to see it."""
    if {"breaker", "timeout"} <= chosen:
        chosen.add("attempt_timeout")
    arguments: dict[str, Any] = dict.fromkeys(CHOICES)
    arguments.update({name: CHOICES[name] for name in chosen})
    assert check_order(resilient(fetch, **arguments)) == []
