from __future__ import annotations

from typing import Any

import pytest

from tta_dev_primitives.errors import BudgetExceededError, ConfigurationError
from tta_dev_primitives.llm.types import LLMResponse, Usage
from tta_dev_primitives.recovery.budget import BudgetPrimitive
from tta_dev_primitives.recovery.spending.ledger import Balance
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive

from .priced_steps import Priced, asked, by_player, charge, noon, player


@pytest.fixture
def clock() -> FakeClock:
    return noon()


async def test_answer_without_a_price_is_counted_and_let_through(clock: FakeClock) -> None:
    budget = BudgetPrimitive(charge, limit=1, clock=clock)
    await budget.execute(None)
    await budget.execute(0.25)
    assert budget.report() == {
        None: Balance(
            limit=1, spent=0.25, reserved=0, remaining=0.75, calls=2, exceeded=0, unpriced=1
        )
    }


async def test_plain_result_counts_as_unpriced(clock: FakeClock) -> None:
    budget = BudgetPrimitive(str, limit=1, clock=clock)
    await budget.execute("x")
    assert budget.report()[None].unpriced == 1


async def test_estimate_stands_for_a_cost_that_is_not_known(clock: FakeClock) -> None:
    budget = BudgetPrimitive(
        MockPrimitive(return_value=Priced(None)), limit=1, estimate=asked, clock=clock
    )
    await budget.execute(0.75)
    assert (budget.spent(), budget.reserved()) == (0.75, 0)


@pytest.mark.parametrize("estimate", [None, asked], ids=["settled-later", "reserved"])
async def test_unpriced_answer_closes_its_scope_until_the_next_period_when_told_to(
    clock: FakeClock, estimate: Any
) -> None:
    """Nobody goes on spending money that nobody can count; the answer itself is not lost."""
    step = MockPrimitive(side_effect=[Priced(0.1), Priced(None), Priced(0.1), Priced(0.1)])
    budget = BudgetPrimitive(
        step, limit=9, scope=by_player, estimate=estimate, unpriced="reject", clock=clock
    )
    await budget.execute(0.1, player("ada"))
    assert await budget.execute(0.1, player("ada")) == Priced(None)
    with pytest.raises(BudgetExceededError, match=r"without a price; let actual="):
        await budget.execute(0.1, player("ada"))
    await budget.execute(0.1, player("bob"))
    clock.advance(86400)
    await budget.execute(0.1, player("ada"))


@pytest.mark.parametrize("unpriced", ["allow", "reject"])
async def test_estimate_may_say_that_it_does_not_know(clock: FakeClock, unpriced: Any) -> None:
    """With `reject` the call is refused before it costs anything, and waiting does not help."""
    step = MockPrimitive(return_value=Priced(0.5))
    budget = BudgetPrimitive(
        step, limit=1, estimate=lambda x, context: None, unpriced=unpriced, clock=clock
    )
    if unpriced == "allow":
        await budget.execute("x")
        assert budget.spent() == 0.5
    else:
        with pytest.raises(BudgetExceededError, match="no price for this call") as caught:
            await budget.execute("x")
        assert caught.value.retry_after is None
        assert (step.call_count, budget.report()[None].exceeded) == (0, 1)


async def test_tokens_of_an_answer_are_those_in_and_out(clock: FakeClock) -> None:
    answer = LLMResponse("hi", usage=Usage(input_tokens=30, output_tokens=12, cache_read_tokens=9))
    budget = BudgetPrimitive(
        MockPrimitive(return_value=answer), limit=100, unit="tokens", clock=clock
    )
    await budget.execute("x")
    assert budget.spent() == 42


async def test_answer_that_does_not_tell_its_tokens_is_unpriced(clock: FakeClock) -> None:
    """Providers that say nothing show as zeros, and an answer never takes no token at all."""
    budget = BudgetPrimitive(
        MockPrimitive(return_value=LLMResponse("hi")), limit=100, unit="tokens", clock=clock
    )
    await budget.execute("x")
    assert budget.report()[None].unpriced == 1


async def test_cost_of_a_model_answer_is_used(clock: FakeClock) -> None:
    answer = LLMResponse("hi", cost=0.125)
    budget = BudgetPrimitive(MockPrimitive(return_value=answer), limit=1, clock=clock)
    await budget.execute("x")
    assert budget.spent() == 0.125


async def test_own_function_tells_the_cost_from_result_and_input(clock: FakeClock) -> None:
    budget = BudgetPrimitive(
        str.upper, limit=1, actual=lambda result, x: 0.25 * (result == x.upper()), clock=clock
    )
    assert await budget.execute("x") == "X"
    assert budget.spent() == 0.25


@pytest.mark.parametrize(
    "wrong",
    [-1, float("nan"), float("inf"), "1", [1], 1j],
    ids=["negative", "nan", "infinite", "text", "list", "complex"],
)
async def test_cost_that_is_no_amount_is_an_error_and_the_estimate_stands(
    clock: FakeClock, wrong: Any
) -> None:
    """The call was paid for, so its reservation must not come back."""
    budget = BudgetPrimitive(
        str, limit=1, estimate=lambda x, context: 0.5, actual=lambda result, x: wrong, clock=clock
    )
    with pytest.raises(ConfigurationError, match="actual must return a number of usd"):
        await budget.execute("x")
    assert (budget.spent(), budget.reserved()) == (0.5, 0)


async def test_error_in_the_cost_function_reaches_the_caller_and_the_estimate_stands(
    clock: FakeClock,
) -> None:
    def broken(result: str, x: str) -> float:
        raise LookupError("no such model")

    budget = BudgetPrimitive(
        str, limit=1, estimate=lambda x, context: 0.5, actual=broken, clock=clock
    )
    with pytest.raises(LookupError):
        await budget.execute("x")
    assert (budget.spent(), budget.reserved()) == (0.5, 0)


async def test_estimate_that_is_no_amount_is_an_error_before_the_call(clock: FakeClock) -> None:
    step = MockPrimitive()
    budget = BudgetPrimitive(step, limit=1, estimate=lambda x, context: -1, clock=clock)
    with pytest.raises(ConfigurationError, match="estimate must return a number of usd"):
        await budget.execute("x")
    assert (step.call_count, budget.remaining()) == (0, 1)
