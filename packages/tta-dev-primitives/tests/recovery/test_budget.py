from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.errors import BudgetExceededError, ConfigurationError
from tta_dev_primitives.recovery.budget import BudgetPrimitive
from tta_dev_primitives.recovery.retry import RetryPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive

from .priced_steps import Priced, asked, by_player, charge, noon, player


@pytest.fixture
def clock() -> FakeClock:
    return noon()


async def test_calls_are_let_in_until_the_limit_is_reached(clock: FakeClock) -> None:
    """A budget of 1 dollar pays two answers of 50 cents and not a third."""
    step = MockPrimitive(return_value=Priced(0.50))
    budget = BudgetPrimitive(step, limit=1, clock=clock)
    await budget.execute("a")
    await budget.execute("b")
    with pytest.raises(BudgetExceededError):
        await budget.execute("c")
    assert step.call_count == 2
    assert (budget.spent(), budget.remaining()) == (1, 0)


async def test_last_call_may_cost_more_than_is_left_and_then_nothing_goes(clock: FakeClock) -> None:
    """Without an estimate the cost is known only afterwards, and is counted in full."""
    budget = BudgetPrimitive(charge, limit=1, clock=clock)
    await budget.execute(3.0)
    assert budget.remaining() == -2
    with pytest.raises(BudgetExceededError):
        await budget.execute(0.0)


async def test_estimate_is_reserved_while_the_call_runs_and_replaced_by_the_cost(
    clock: FakeClock, after: Any
) -> None:
    async def slow(x: float) -> Priced:
        await clock.sleep(1)
        seen.append((budget.spent(), budget.reserved(), budget.remaining()))
        return Priced(0.25)

    seen: list[tuple[float, float, float]] = []
    budget = BudgetPrimitive(slow, limit=2, estimate=asked, clock=clock)
    await after(1, budget.execute(1.5))
    assert seen == [(0, 1.5, 0.5)]
    assert (budget.spent(), budget.reserved(), budget.remaining()) == (0.25, 0, 1.75)


async def test_calls_at_the_same_moment_cannot_share_what_is_left(
    clock: FakeClock, after: Any
) -> None:
    """Ten calls of 30 cents at once: three go, seven are refused before they begin."""
    begun: list[float] = []

    async def slow(x: float) -> Priced:
        begun.append(x)
        await clock.sleep(1)
        return Priced(x)

    budget = BudgetPrimitive(slow, limit=1, estimate=asked, clock=clock)
    calls = [budget.execute(0.30) for _ in range(10)]
    results = await after(1, asyncio.gather(*calls, return_exceptions=True))
    refused = [result for result in results if isinstance(result, BudgetExceededError)]
    assert (len(begun), len(refused)) == (3, 7)
    assert budget.remaining() == pytest.approx(0.10)


async def test_estimate_that_is_exactly_what_is_left_is_let_in(clock: FakeClock) -> None:
    budget = BudgetPrimitive(charge, limit=0.3, estimate=asked, clock=clock)
    await budget.execute(0.1)
    await budget.execute(0.2)  # in floats 0.1 + 0.2 is more than 0.3
    assert budget.remaining() == 0


async def test_many_tiny_costs_add_up_exactly(clock: FakeClock) -> None:
    """Ten thousand embeddings of 2e-7 dollars are 0.002 dollars: none is rounded away."""
    budget = BudgetPrimitive(charge, limit=0.01, clock=clock)
    for _ in range(10_000):
        await budget.execute(2e-7)
    assert budget.spent() == 0.002


@pytest.mark.parametrize("estimate", [None, asked], ids=["settled-later", "reserved"])
async def test_failed_call_gives_its_reservation_back_and_keeps_its_error(
    clock: FakeClock, estimate: Any
) -> None:
    failing = MockPrimitive(raise_error=KeyError("gone"))
    budget = BudgetPrimitive(failing, limit=1, estimate=estimate, clock=clock)
    for _ in range(3):
        with pytest.raises(KeyError, match="gone"):
            await budget.execute(1.0)
    assert budget.remaining() == 1


async def test_cancelled_call_gives_its_reservation_back(clock: FakeClock) -> None:
    async def hang(x: float) -> None:
        await clock.sleep(60)

    budget = BudgetPrimitive(hang, limit=1, estimate=asked, clock=clock)
    task = asyncio.ensure_future(budget.execute(1.0))
    await settle()
    assert budget.remaining() == 0
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert budget.remaining() == 1


async def test_call_closed_from_outside_gives_its_reservation_back(clock: FakeClock) -> None:
    """A coroutine that is thrown away holds no money."""

    class Never:
        def __await__(self) -> Any:
            yield

    async def hang(x: float) -> None:
        await Never()

    budget = BudgetPrimitive(hang, limit=1, estimate=asked, clock=clock)
    call = budget.execute(1.0)
    call.send(None)
    assert budget.reserved() == 1
    call.close()
    assert budget.reserved() == 0


async def test_retry_does_not_ask_a_spent_budget_again(clock: FakeClock) -> None:
    step = MockPrimitive(return_value=Priced(1))
    budget = BudgetPrimitive(step, limit=1, clock=clock)
    await budget.execute("x")
    with pytest.raises(BudgetExceededError):
        await RetryPrimitive(budget, clock=clock).execute("x")
    assert clock.slept == []


async def test_call_that_is_dearer_than_the_whole_limit_is_not_told_to_wait(
    clock: FakeClock,
) -> None:
    budget = BudgetPrimitive(charge, limit=1, estimate=asked, clock=clock)
    with pytest.raises(BudgetExceededError, match=r"can never pay \$2 for one call") as caught:
        await budget.execute(2.0)
    assert caught.value.retry_after is None


async def test_error_says_what_is_spent_and_what_to_do(clock: FakeClock) -> None:
    budget = BudgetPrimitive(
        charge, limit=5, scope=by_player, estimate=asked, name="support", clock=clock
    )
    await budget.execute(4.9, player("ada"))
    with pytest.raises(BudgetExceededError) as caught:
        await budget.execute(0.25, player("ada"))
    assert str(caught.value) == (
        "support of 'ada' ($5 per day, $4.9 spent, $0 reserved) cannot pay $0.25 more; "
        "raise limit=, or wait 43200 s for the next period"
    )
    assert not caught.value.retryable


async def test_error_of_a_token_budget_counts_tokens(clock: FakeClock) -> None:
    budget = BudgetPrimitive(
        MockPrimitive(), limit=10, unit="tokens", per=90, actual=lambda result, x: 12, clock=clock
    )
    await budget.execute("x")
    with pytest.raises(
        BudgetExceededError,
        match=r"^Budget \(10 tokens per 90 s, 12 tokens spent, 0 tokens reserved\) is used up; ",
    ):
        await budget.execute("x")


async def test_soft_limit_warns_once_per_scope_and_period_and_lets_calls_through(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    budget = BudgetPrimitive(charge, limit=1, scope=by_player, hard=False, name="soft", clock=clock)
    for name in ("ada", "ada", "ada", "bob", "bob"):
        await budget.execute(1.0, player(name))
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert caplog.messages[0] == (
        "soft of 'ada' ($1 per day, $1 spent, $0 reserved) goes on beyond its limit"
    )
    clock.advance(86400)
    for _ in range(3):
        await budget.execute(1.0, player("ada"))
    assert len(caplog.records) == 3
    assert budget.report()["ada"].exceeded == 2
    assert budget.remaining("ada") == -2


@pytest.mark.parametrize("hard", [True, False], ids=["hard", "soft"])
async def test_shadow_decides_and_reports_without_refusing_or_warning(
    clock: FakeClock, watcher: Any, caplog: pytest.LogCaptureFixture, hard: bool
) -> None:
    budget = BudgetPrimitive(
        charge, limit=1, estimate=asked, shadow=True, hard=hard, name="b", clock=clock
    )
    await budget.execute(1.0)
    await budget.execute(0.5)
    assert [record.result for _, record in watcher.records] == ["allowed", "shadow"]
    assert watcher.records[1][1].remaining == -0.5
    assert watcher.outcomes["0.b"] == "ok"
    assert caplog.records == []


async def test_observer_hears_of_each_decision(clock: FakeClock, watcher: Any) -> None:
    budget = BudgetPrimitive(
        charge, limit=1, scope=by_player, estimate=asked, name="b", clock=clock
    )
    await budget.execute(0.75, player("ada"))
    assert watcher.outcomes["0.b"] == "ok"
    with pytest.raises(BudgetExceededError):
        await budget.execute(0.5, player("ada"))
    assert watcher.records == [
        ("0.b", observe.BudgetRecord("b", "ada", "usd", 0.75, 0.25, "allowed")),
        ("0.b", observe.BudgetRecord("b", "ada", "usd", 0.5, 0.25, "rejected")),
    ]
    assert watcher.outcomes["0.b"] == "rejected"


async def test_several_budgets_on_one_call_all_have_to_agree(clock: FakeClock) -> None:
    """What the inner one refuses costs the outer one nothing."""
    step = MockPrimitive(return_value=Priced(0.5))
    user = BudgetPrimitive(step, limit=1, estimate=lambda x, context: 0.5, name="user", clock=clock)
    house = BudgetPrimitive(
        user, limit=10, per="month", estimate=lambda x, context: 0.5, name="house", clock=clock
    )
    await house.execute("x")
    await house.execute("x")
    with pytest.raises(BudgetExceededError, match=r"^user "):
        await house.execute("x")
    assert (step.call_count, user.remaining(), house.remaining()) == (2, 0, 9)


async def test_steps_under_one_policy_share_its_allowance(clock: FakeClock) -> None:
    budget = BudgetPrimitive(limit=1, clock=clock)
    first, second = budget.wrap(charge), budget.wrap(lambda amount: Priced(amount))
    await first.execute(0.75)
    await second.execute(0.25)
    with pytest.raises(BudgetExceededError):
        await first.execute(0.0)
    assert budget.spent() == second.spent() == 1


async def test_decorated_function_is_limited(clock: FakeClock) -> None:
    @BudgetPrimitive(limit=1, clock=clock)
    async def dear(x: str) -> Priced:
        return Priced(1)

    await dear.execute("x")
    with pytest.raises(BudgetExceededError):
        await dear.execute("x")


async def test_policy_without_a_step_reserves_nothing(clock: FakeClock) -> None:
    budget = BudgetPrimitive(limit=1, estimate=asked, clock=clock)
    with pytest.raises(ConfigurationError, match="wraps nothing yet"):
        await budget.execute(1.0)
    assert budget.remaining() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0}, "limit must be positive"),
        ({"limit": -1}, "limit must be positive"),
        ({"limit": float("nan")}, "limit must be positive"),
        ({"limit": float("inf")}, "limit must be positive and finite, got inf"),
        ({"limit": 0.2, "unit": "tokens"}, "smallest amount"),
        ({"unit": "eur"}, "unit must be 'usd' or 'tokens', got 'eur'"),
        ({"per": "week"}, "per must be 'hour'.*got 'week'"),
        ({"per": 0.5}, "at least 1 second"),
        ({"per": float("inf")}, "or None, got inf"),
        ({"per": float("nan")}, "or None, got nan"),
        ({"unpriced": "ignore"}, "unpriced must be 'allow' or 'reject', got 'ignore'"),
        ({"max_scopes": 0}, "max_scopes must be 1 or more, got 0"),
    ],
    ids=str,
)
def test_arguments_that_cannot_work_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        BudgetPrimitive(str, **arguments)
