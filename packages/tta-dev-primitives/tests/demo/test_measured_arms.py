"""The bills of the demo's tickets are those of the calls that were made for them."""

from __future__ import annotations

import pytest

from tta_dev_primitives import observe
from tta_dev_primitives.demo.measured_arms import ARMS, EVERY_TIER, run_measured_arms
from tta_dev_primitives.demo.tickets import generate_tickets
from tta_dev_primitives.llm.ledger import Ledger

QUICK = 0.01  # of the models' latency


async def test_bills_add_up_to_what_was_paid() -> None:
    """A call that no bill shows makes an arm look cheaper than it is."""
    ledger = Ledger()
    with observe(ledger):
        bills = await run_measured_arms(generate_tickets(80, seed=3), latency_factor=QUICK)
    every = [bill for arm in bills.values() for bill in arm]
    assert tuple(bills) == ARMS
    assert sum(bill.cost for bill in every) == pytest.approx(ledger.cost, rel=1e-9)
    assert sum(bill.calls for bill in every) == ledger.upstream_calls
    assert sum(bill.hits for bill in every) == ledger.cache_hits


async def test_the_cache_gives_the_same_answers_for_less() -> None:
    """The arm with a cache alone asks the model of the arm as it is."""
    bills = await run_measured_arms(generate_tickets(80, seed=4), latency_factor=QUICK)
    as_is, cached = bills["as is"], bills["cache"]
    assert [bill.correct for bill in cached] == [bill.correct for bill in as_is]
    assert sum(bill.hits for bill in as_is) == 0
    assert sum(bill.hits for bill in cached) > 0
    assert sum(bill.cost for bill in cached) < sum(bill.cost for bill in as_is)


async def test_one_model_and_no_repeats_save_nothing() -> None:
    """A router with one model behind it cannot be cheaper than that model."""
    bills = await run_measured_arms(
        generate_tickets(60, seed=5, repeat_share=0),
        tiers=dict.fromkeys(EVERY_TIER, "large"),
        latency_factor=QUICK,
    )
    as_is, routed = bills["as is"], bills["cache and router"]
    assert sum(bill.cost for bill in routed) > 0.9 * sum(bill.cost for bill in as_is)


async def test_a_cheap_model_that_errs_is_found_out() -> None:
    """The desk checks what its small model writes: mistakes there cost money, not quality."""
    tickets = generate_tickets(80, seed=6)
    usual = await run_measured_arms(tickets, latency_factor=QUICK)
    errs = await run_measured_arms(tickets, error_rates={"small": 0.5}, latency_factor=QUICK)
    both = await run_measured_arms(
        tickets, error_rates={"small": 0.5, "medium": 0.5}, latency_factor=QUICK
    )
    last = ARMS[-1]

    def cost(bills: dict[str, list]) -> float:
        return sum(bill.cost for bill in bills[last])

    def correct(bills: dict[str, list]) -> int:
        return sum(bill.correct for bill in bills[last])

    assert cost(errs) > 1.3 * cost(usual)
    assert correct(errs) >= correct(usual) - 4
    assert correct(both) < 0.8 * correct(usual)
