"""Makers of what waits, tries again and asks elsewhere, with audits of what that takes."""

from __future__ import annotations

from typing import Any

from tta_dev_primitives.errors import RejectedError
from tta_dev_primitives.recovery.fallback import FallbackPrimitive
from tta_dev_primitives.recovery.hedge import HedgePrimitive, Quantile
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.recovery.retry_budget import RetryBudget
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive
from tta_dev_primitives.testing.faults import FaultPrimitive

from .answers import SPOILT, spoil, whole
from .makers import Step, policy
from .witnesses import Witness
from .worlds import World


@policy(1)
def timeout(world: World, step: Step) -> Step:
    return TimeoutPrimitive(step, 1.0, clock=world.clock)


@policy(2)
def timeout_fallback(world: World, step: Step, other: Step) -> Step:
    return TimeoutPrimitive(step, 0.2, other, clock=world.clock)


@policy(1)
def timeout_chunks(world: World, step: Step) -> Step:
    return TimeoutPrimitive(
        step, None, first_chunk_seconds=0.5, idle_seconds=0.2, clock=world.clock
    )


@policy(1)
def timeout_coarse(world: World, step: Step) -> Step:
    return _coarse(world, TimeoutPrimitive(step, 0.25, coarse=True, clock=world.clock))


@policy(2)
def timeout_coarse_fallback(world: World, step: Step, other: Step) -> Step:
    made = TimeoutPrimitive(
        step, 1.0, other, first_chunk_seconds=0.2, coarse=True, clock=world.clock
    )
    return _coarse(world, made)


def _coarse(world: World, made: TimeoutPrimitive[Any, Any]) -> Step:
    def alarms() -> int:
        timers = made._set.__self__._timers  # type: ignore[union-attr]
        if timers is None:
            return 0
        return sum(map(len, timers._slots.values())) + len(timers.rung) + len(timers.postponed)

    world.expect("alarms of a coarse timeout", alarms)
    return made


@policy(1)
def retry(world: World, step: Step) -> Step:
    strategy = RetryStrategy(max_retries=2, initial_delay=0.25)
    return RetryPrimitive(step, strategy, clock=world.clock, random=lambda: 0.5)


@policy(1)
def retry_at_once(world: World, step: Step) -> Step:
    return RetryPrimitive(step, RetryStrategy(max_retries=2, initial_delay=0), clock=world.clock)


@policy(1)
def retry_result(world: World, step: Step) -> Step:
    return RetryPrimitive(
        step,
        RetryStrategy(max_retries=1, initial_delay=0.1, jitter=False),
        retry_result=lambda value: SPOILT in str(value),
        clock=world.clock,
    )


@policy(1)
def retry_budget(world: World, step: Step) -> Step:
    # One retry is earned by one call, nothing by time: so the budget can be counted through.
    budget = RetryBudget(1.0, minimum_per_second=0, burst=1e6, clock=world.clock)
    attempts = Witness(step)
    made = Witness(
        RetryPrimitive(
            attempts,
            RetryStrategy(max_retries=3, initial_delay=0.25, jitter=False),
            budget=budget,
            clock=world.clock,
        )
    )
    world.expect(
        "retries in a budget beyond those that were not made",
        lambda: round(budget.available - (2 * made.begun - attempts.begun), 6),
    )
    return made


@policy(2)
def fallback(world: World, step: Step, other: Step) -> Step:
    return FallbackPrimitive(step, other)


@policy(3)
def fallback_chain(world: World, step: Step, other: Step, third: Step) -> Step:
    return FallbackPrimitive(step, other, on={RejectedError: third})


@policy(2)
def fallback_accept(world: World, step: Step, other: Step) -> Step:
    return FallbackPrimitive(step, other, accept=lambda value: SPOILT not in str(value))


@policy(2)
def fallback_restart(world: World, step: Step, other: Step) -> Step:
    return FallbackPrimitive(step, other, midstream="restart")


@policy(2)
def fallback_splice(world: World, step: Step, other: Step) -> Step:
    return FallbackPrimitive(
        step,
        other,
        midstream="splice",
        continue_with=lambda x, chunks: whole(x).removeprefix(whole(chunks)),
    )


@policy(1)
def hedge(world: World, step: Step) -> Step:
    return HedgePrimitive(step, delay=0.2, clock=world.clock)


@policy(2)
def hedge_steps(world: World, step: Step, other: Step) -> Step:
    return HedgePrimitive(
        step, delay=0.1, max_hedges=3, alternatives=[other, step], clock=world.clock
    )


@policy(1)
def hedge_quantile(world: World, step: Step) -> Step:
    budget = RetryBudget(0.5, burst=2, clock=world.clock)
    delay = Quantile(0.5, minimum_samples=1)
    return HedgePrimitive(step, delay=delay, max_hedges=2, budget=budget, clock=world.clock)


@policy(1)
def fault(world: World, step: Step) -> Step:
    return FaultPrimitive(
        step,
        latency=0.2,
        error=lambda: ConnectionResetError("injected"),
        abort_rate=0.2,
        malformed=spoil,
        rate=0.3,
        random=world.draw,
        clock=world.clock,
    )
