from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.errors import BudgetExceededError
from tta_dev_primitives.recovery.budget import BudgetPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle

from .priced_steps import Priced, asked, by_player, charge, noon, player


@pytest.fixture
def clock() -> FakeClock:
    return noon()


async def test_each_scope_has_its_own_allowance(clock: FakeClock) -> None:
    budget = BudgetPrimitive(charge, limit=1, scope=by_player, clock=clock)
    await budget.execute(1.0, player("ada"))
    await budget.execute(0.25, player("bob"))
    with pytest.raises(BudgetExceededError, match="'ada'"):
        await budget.execute(0.25, player("ada"))
    assert (budget.remaining("ada"), budget.remaining("bob"), budget.remaining("eve")) == (
        0,
        0.75,
        1,
    )


async def test_asking_about_a_scope_does_not_open_an_account(clock: FakeClock) -> None:
    budget = BudgetPrimitive(charge, limit=1, scope=by_player, clock=clock)
    assert (budget.spent("eve"), budget.reserved("eve")) == (0, 0)
    assert budget.report() == {}


async def test_scopes_beyond_the_bound_share_one_allowance(clock: FakeClock) -> None:
    """Invented user names can neither fill the memory nor spend without end."""
    budget = BudgetPrimitive(charge, limit=1, scope=by_player, max_scopes=2, clock=clock)
    for name in ("ada", "bob", "eve", "dan"):
        await budget.execute(0.5, player(name))
    with pytest.raises(BudgetExceededError, match="'other scopes'"):
        await budget.execute(0.5, player("zoe"))
    assert budget.remaining("zoe") == budget.remaining("eve") == 0
    assert budget.remaining("ada") == 0.5
    assert len(budget.report()) == 3


async def test_forgotten_scope_begins_anew(clock: FakeClock) -> None:
    budget = BudgetPrimitive(charge, limit=1, per=None, scope=by_player, clock=clock)
    await budget.execute(1.0, player("ada"))
    budget.forget("ada")
    budget.forget("nobody")
    assert budget.remaining("ada") == 1
    await budget.execute(1.0, player("ada"))


@pytest.mark.parametrize(
    ("per", "seconds"),
    [("hour", 3600), ("day", 12 * 3600), ("month", 15.5 * 86400), (7 * 3600.0, 5 * 3600), (60, 60)],
    ids=["hour", "day", "month", "seven-hours", "minute"],
)
async def test_new_period_brings_a_new_allowance_at_its_first_moment(
    clock: FakeClock, per: Any, seconds: float
) -> None:
    """Not a tick earlier, and the error has said when."""
    budget = BudgetPrimitive(charge, limit=1, per=per, clock=clock)
    await budget.execute(1.0)
    with pytest.raises(BudgetExceededError) as caught:
        await budget.execute(1.0)
    assert caught.value.retry_after == seconds
    clock.advance(seconds - 0.001)
    with pytest.raises(BudgetExceededError):
        await budget.execute(1.0)
    assert budget.remaining() == 0
    clock.advance(0.001)
    assert budget.remaining() == 1
    await budget.execute(1.0)


async def test_report_of_a_new_period_is_empty(clock: FakeClock) -> None:
    budget = BudgetPrimitive(charge, limit=1, clock=clock)
    await budget.execute(1.0)
    clock.advance(86400)
    assert budget.report() == {}


async def test_allowance_without_a_period_is_for_ever(clock: FakeClock) -> None:
    budget = BudgetPrimitive(charge, limit=1, per=None, clock=clock)
    await budget.execute(1.0)
    clock.advance(1e9)
    with pytest.raises(BudgetExceededError) as caught:
        await budget.execute(1.0)
    assert caught.value.retry_after is None


async def test_call_counts_in_the_period_it_began_in(clock: FakeClock, after: Any) -> None:
    """What is still running at midnight takes nothing from the new day."""

    async def slow(x: float) -> Priced:
        await clock.sleep(3600)
        return Priced(x)

    budget = BudgetPrimitive(slow, limit=1, per="hour", estimate=asked, clock=clock)
    clock.advance(1800)
    task = asyncio.ensure_future(budget.execute(1.0))
    await settle()
    assert budget.reserved() == 1
    await clock.sleep_through(1800)
    assert (budget.reserved(), budget.remaining()) == (0, 1)
    await clock.sleep_through(1800)
    await task
    assert (budget.spent(), budget.reserved(), budget.remaining()) == (0, 0, 1)


async def test_clock_put_back_over_midnight_gives_nothing_twice(clock: FakeClock) -> None:
    budget = BudgetPrimitive(charge, limit=1, per="hour", clock=clock)
    await budget.execute(1.0)
    clock.jump(-10)
    with pytest.raises(BudgetExceededError):
        await budget.execute(1.0)
    clock.jump(10)
    with pytest.raises(BudgetExceededError):
        await budget.execute(1.0)


async def test_clock_that_was_years_ahead_does_not_block_for_years(clock: FakeClock) -> None:
    clock.jump(5 * 365 * 86400)
    budget = BudgetPrimitive(charge, limit=1, per="day", clock=clock)
    await budget.execute(1.0)
    clock.jump(-5 * 365 * 86400)
    await budget.execute(1.0)


async def test_scope_whose_text_fails_holds_no_reservation(clock: FakeClock) -> None:
    class Odd:
        def __str__(self) -> str:
            raise LookupError("no text")

    odd = Odd()
    budget = BudgetPrimitive(
        charge, limit=1, scope=lambda x, context: odd, estimate=asked, clock=clock
    )
    with pytest.raises(LookupError):
        await budget.execute(1.0)
    assert budget.report() == {}
