"""Makers of what shares calls, undoes them, or is put together of several policies."""

from __future__ import annotations

import itertools
from typing import Any

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.core.switch import SwitchPrimitive
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.recovery.compensation import Effect, SagaPrimitive
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.recovery.resilient import resilient
from tta_dev_primitives.recovery.retry import RetryStrategy

from .answers import whole
from .makers import Step, policy
from .policies_limits import breaker_around
from .witnesses import Witness
from .worlds import Leaf, ServiceError, World


@policy(1)
def cache(world: World, step: Step) -> Step:
    return _cached(world, step)


@policy(1)
def cache_stale(world: World, step: Step) -> Step:
    return _cached(
        world,
        step,
        ttl_seconds=0.5,
        stale_while_revalidate=1.0,
        stale_if_error=5.0,
        negative_ttl=0.5,
        negative_errors=ServiceError,
    )


@policy(1)
def cache_finish(world: World, step: Step) -> Step:
    return _cached(world, step, finish=True, ttl_seconds=0.5)


@policy(1)
def cache_shadow(world: World, step: Step) -> Step:
    return _cached(world, step, shadow=True)


def _cached(world: World, step: Step, **settings: Any) -> Step:
    made = CachePrimitive(
        step, lambda x, _: whole(x), clock=world.clock, random=lambda: 0.5, **settings
    )
    answers = made._answers

    def under_way() -> list[Any]:
        flights, streams = answers.flights, answers.streams
        tables = (flights._flights, flights._unattended, streams._streams, streams._tasks)
        return [entry for table in tables for entry in table.here()]

    world.expect("calls shared in a cache", under_way, [])
    world.closings.append(answers.settle)
    return made


@policy(1)
def saga(world: World, step: Step) -> Step:
    return _undoable(world, step, Leaf("async", ("hop", "now", "short")))


@policy(1)
def saga_in_vain(world: World, step: Step) -> Step:
    return _undoable(world, step, Leaf("async", ("fail", "long", "late fail")), seconds=1.0)


def _undoable(world: World, step: Step, undo: Leaf, seconds: float = 30.0) -> Step:
    forward, undone = Witness(step), Witness(world.service(undo))
    world.expect("steps not undone", lambda: forward.failed - undone.begun)
    return SagaPrimitive(forward, undone, compensation_timeout_seconds=seconds, clock=world.clock)


@policy(2)
def saga_steps(world: World, step: Step, other: Step) -> Step:
    """Two steps; the first is undone where the second fails, and the one that failed, too."""
    first, second = Witness(step), Witness(other)
    undone = [Witness(world.service(Leaf("async", ("hop", "now", "short")))) for _ in "12"]

    async def undo_first(effect: Effect[Any, Any], context: WorkflowContext) -> None:
        await undone[0].execute(effect.input, context)

    async def undo_second(effect: Effect[Any, Any], context: WorkflowContext) -> None:
        await undone[1].execute(effect.input, context)

    world.expect("second steps not undone", lambda: second.failed - undone[1].begun)
    world.expect("first steps not undone", lambda: first.failed + second.failed - undone[0].begun)
    made = SagaPrimitive(first, undo=undo_first, clock=world.clock)
    return made.then(second, undo_second)


@policy(1)
def resilient_pipeline(world: World, step: Step) -> Step:
    """The policies that run as one, in their order."""
    return resilient(_opaque(step), clock=world.clock, **_pipeline(world))


@policy(2)
def resilient_all(world: World, step: Step, other: Step) -> Step:
    """The same with others around and within."""
    places = BulkheadPrimitive(max_concurrent=2, max_queue=3, clock=world.clock)
    world.expect("places of a pipeline", lambda: places.stats().running)
    world.expect("those who wait for places of a pipeline", lambda: places.stats().waiting)
    return resilient(
        _opaque(step),
        cache=cache(world, None),
        fallback=other,
        hedge=0.2,
        bulkhead=places,
        clock=world.clock,
        **_pipeline(world),
    )


def _opaque(step: Step) -> Step:
    """Hide what *step* is made of: nobody would put most of this there, and would be told so."""
    return Witness(step)


def _pipeline(world: World) -> dict[str, Any]:
    limiter = RateLimitPrimitive(limits=[Limit(4, 0.5)], clock=world.clock)
    world.expect("those who wait for turns of a pipeline", lambda: limiter._gate.waiting)
    return {
        "timeout": 1.0,
        "attempt_timeout": 0.3,
        "retry": RetryStrategy(max_retries=2, initial_delay=0.25),
        "breaker": breaker_around(world, None, window_calls=4),
        "rate_limit": limiter,
    }


@policy(2)
def bulkhead_shared(world: World, step: Step, other: Step) -> Step:
    """Two steps with places among which both choose."""
    shared = BulkheadPrimitive(max_concurrent=1, max_queue=3, clock=world.clock)
    world.expect("places of a shared bulkhead", lambda: shared.stats().running)
    return shared.wrap(step) >> shared.wrap(other)


@policy(2)
def breaker_shared(world: World, step: Step, other: Step) -> Step:
    """Two steps with one breaker and one limiter around both."""
    shared = breaker_around(world, None, window_calls=4)
    turns = itertools.cycle([0, 1])
    one = shared.wrap(step) >> shared.wrap(other)
    two = shared.wrap(other) >> shared.wrap(step)
    return SwitchPrimitive(lambda x, _: next(turns), {0: one, 1: two})
