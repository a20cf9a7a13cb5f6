"""Makers of what lets only so much through, with audits of the permits it hands out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tta_dev_primitives.errors import CircuitOpenError
from tta_dev_primitives.recovery.budget import BudgetPrimitive
from tta_dev_primitives.recovery.bulkhead import AdaptiveLimit, BulkheadPrimitive
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive

from .answers import whole
from .makers import Step, policy
from .witnesses import Witness
from .worlds import HEALED_SECONDS, World

_UNTOUCHED = 1e12
"""Seconds in which a limit gives back next to nothing in the time of a case."""


@policy(1)
def breaker(world: World, step: Step) -> Step:
    return breaker_around(world, step, window_calls=4)


@policy(1)
def breaker_keys(world: World, step: Step) -> Step:
    return breaker_around(world, step, window_calls=4, key=lambda x, _: whole(x)[:1])


@policy(1)
def breaker_slow(world: World, step: Step) -> Step:
    return breaker_around(
        world, step, window_seconds=5.0, slow_call_seconds=0.25, slow_call_rate=0.5
    )


def breaker_around(world: World, step: Step, **settings: Any) -> Step:
    window, open_seconds = 4, 1.0
    made = CircuitBreakerPrimitive(
        step,
        minimum_calls=2,
        open_seconds=open_seconds,
        half_open_permits=2,
        clock=world.clock,
        **settings,
    )

    def probes() -> list[Any]:
        trials = [circuit._trial for circuit in made._circuits._circuits.values()]
        return [probe for trial in trials for probe in trial._under_way if not probe.over]

    async def recover() -> Sequence[str]:
        good = made.wrap(lambda x: x)
        for key in made.keys() or ("a",):
            passed = tries = 0
            while passed < window and tries < 4 * window:
                tries += 1
                try:
                    await good.execute(key)
                    passed += 1
                except CircuitOpenError:  # it may take this call for the one too many
                    world.clock.advance(open_seconds)
                    passed = 0
        states = {circuit.stats().state for circuit in made._circuits._circuits.values()}
        return [] if states == {"closed"} else [f"a breaker stays {states} after good calls"]

    world.expect("probes of a breaker that are not back", probes, [])
    world.recoveries.append(recover)
    return made


@policy(1)
def rate_limit(world: World, step: Step) -> Step:
    return _limited(world, step, [Limit(3, 1.0)])


@policy(1)
def rate_limit_windows(world: World, step: Step) -> Step:
    return _limited(world, step, [Limit(2, 0.5), Limit(6, 4.0)], max_wait_seconds=1.0)


@policy(1)
def rate_limit_tokens(world: World, step: Step) -> Step:
    return _limited(
        world,
        step,
        [Limit(20, 1.0, unit="tokens"), Limit(1000, _UNTOUCHED, unit="tokens")],
        estimate=lambda x, _: 5.0,
        actual=lambda value: 7.0,
    )


@policy(1)
def rate_limit_keys(world: World, step: Step) -> Step:
    return _limited(world, step, [Limit(1, 0.25)], key=lambda x, _: whole(x)[:1])


def _limited(world: World, step: Step, limits: list[Limit], **settings: Any) -> Step:
    began = Witness(step)
    count = Limit(1000, _UNTOUCHED)
    made = RateLimitPrimitive(began, limits=[*limits, count], clock=world.clock, **settings)
    tokens = "estimate" in settings

    def taken(limit: Limit) -> float:
        gates = [made._gate, *made._gates._gates.values()]
        meters = [meter for gate in gates for meter in gate.meters if meter.limit is limit]
        return round(sum(1000 - meter.left(world.clock.monotonic()) for meter in meters), 3)

    def audit() -> Sequence[str]:
        gates = [made._gate, *made._gates._gates.values()]
        admitted = began.begun - began.refused
        found = [f"a rate limit has {gate._lines}" for gate in gates if gate._lines or gate.waiting]
        if taken(count) != admitted:
            found.append(f"a rate limit counts {taken(count)} calls of {admitted}")
        if tokens:
            owed = 7 * began.done + 5 * (began.failed - began.refused)
            if taken(limits[1]) != owed:
                found.append(f"a rate limit counts {taken(limits[1])} tokens of {owed}")
        return found

    world.audits.append(audit)
    return made


@policy(1)
def bulkhead(world: World, step: Step) -> Step:
    return _bounded(world, step, 1, max_queue=2)


@policy(1)
def bulkhead_wait(world: World, step: Step) -> Step:
    return _bounded(world, step, 2, max_wait_seconds=0.5)


@policy(1)
def bulkhead_priority(world: World, step: Step) -> Step:
    return _bounded(world, step, 2, priority=lambda x, _: ord(whole(x)[:1] or "a"))


@policy(1)
def bulkhead_keys(world: World, step: Step) -> Step:
    return _bounded(world, step, 2, key=lambda x, _: whole(x)[:1])


@policy(1)
def bulkhead_adaptive(world: World, step: Step) -> Step:
    return _bounded(world, step, 2, adaptive=AdaptiveLimit(1, 3))


def _bounded(world: World, step: Step, places: int, **settings: Any) -> Step:
    def check() -> None:
        for each in made._tables.here().all():
            most = max(places, 3 if each.estimate else 0)
            assert each.running <= most, f"{each.running} calls in {most} places"
        if len(made._tables.all()) == 1:  # else another thread may be changing the numbers
            held = sum(each.running + each.away for each in made._tables.here().all())
            assert began.inside <= held, f"{began.inside} calls hold {held} places"

    began = Witness(step, check)
    made = BulkheadPrimitive(began, max_concurrent=places, clock=world.clock, **settings)

    def busy() -> list[str]:
        tables = [each for table in made._tables.all() for each in table.all()]
        return [
            f"{each.running} running, {each.waiting} waiting, {each.away} away"
            for each in tables
            if not each.idle or any(not entry[-1].done() for entry in each._queue)
        ]

    world.expect("places of a bulkhead", busy, [])
    world.expect("calls in a bulkhead", lambda: began.inside)
    return made


@policy(1)
def budget(world: World, step: Step) -> Step:
    settled = Witness(step)
    made = BudgetPrimitive(
        settled,
        limit=1e6,
        per=None,
        estimate=lambda x, _: 0.25,
        actual=lambda value, x: 0.5,
        clock=world.clock,
    )
    world.expect("reservations in a budget", made.reserved)
    world.expect("spent beyond the answers", lambda: made.spent() - _paid(settled))
    return made


@policy(1)
def budget_scopes(world: World, step: Step) -> Step:
    made = BudgetPrimitive(
        step,
        limit=3,
        unit="tokens",
        per=HEALED_SECONDS / 10,
        scope=lambda x, _: whole(x)[:1],
        estimate=lambda x, _: 1,
        actual=lambda value, x: None,
        clock=world.clock,
    )

    def reserved() -> float:
        return sum(balance.reserved for balance in made.report().values())

    world.expect("reservations in a budget of scopes", reserved)
    return made


def _paid(settled: Witness) -> float:
    return 0.5 * (settled.done + settled.cut)
