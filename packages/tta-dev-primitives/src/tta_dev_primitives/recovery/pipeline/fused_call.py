"""Several policies around a step in one coroutine, for calls that nothing stands in the way of."""

# This room alone knows the policies from within: it works on the very circuit, gate and places
# that they work on where they are nested.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from tta_dev_primitives.core.base import LambdaPrimitive, WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
from tta_dev_primitives.recovery.places.held_place import Place
from tta_dev_primitives.recovery.rate_limit import RateLimitPrimitive
from tta_dev_primitives.recovery.rates.headers import learn_from_answer
from tta_dev_primitives.recovery.retry import RetryPrimitive
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive

from .first_attempt import FirstAttempt, Parts

if TYPE_CHECKING:
    from tta_dev_primitives.core.clock import Clock

Policy: TypeAlias = PolicyPrimitive[Any, Any]  # Any: a policy goes around any step
AnyStep: TypeAlias = WorkflowPrimitive[Any, Any]  # Any: as above

# Values of these types carry no headers, as in the limiter.
_BARE: Final = frozenset({str, bytes, int, float, bool, type(None), dict, list, tuple})


def can_fuse(place: str, policy: Policy) -> bool:
    """Tell whether *policy*, standing at *place*, can be a part of a fused call.

    A subclass cannot, as nobody knows what it does. Neither can a policy that asks a function of
    the user before it lets a call through.
    """
    if place in ("timeout", "attempt_timeout") and type(policy) is TimeoutPrimitive:
        return policy.timeout_seconds is not None and policy.fallback is None
    if place == "retry":
        return type(policy) is RetryPrimitive
    if place == "rate_limit" and type(policy) is RateLimitPrimitive:
        return policy._plain
    if place == "bulkhead" and type(policy) is BulkheadPrimitive:
        return not policy._measures and policy._key is None and policy._priority is None
    if place == "breaker" and type(policy) is CircuitBreakerPrimitive:
        return policy._only is not None and policy._rules.window_seconds is None
    return False


class FusedCall:
    """Run policies that are nested in each other as one coroutine.

    A call that finds its turn, a place and a closed circuit at once goes through here, and so does
    its first attempt when it fails. Every other call, and every further attempt, goes through the
    nested policies themselves. All work on the same state, so callers cannot tell one from the
    other, and the first attempt costs one frame.

    Args:
        nested: The outermost of the policies.
        parts: The policies, each around the next.
        step: What the innermost one wraps.
    """

    def __init__(self, nested: AnyStep, parts: Parts, step: AnyStep) -> None:
        self._nested, self._parts, self._step = nested, parts, step
        timeout, attempt = parts.timeout, parts.attempt_timeout
        self._total: float | None = None
        self._attempt: float | None = None
        self._limited = timeout or attempt
        if timeout is not None:
            self._total, self._set_total = timeout.timeout_seconds, timeout._set
            self._now = timeout._now
        if attempt is not None:
            self._attempt, self._set_attempt = attempt.timeout_seconds, attempt._set
            self._now = attempt._now
        if self._total is not None and self._attempt is not None and self._total <= self._attempt:
            self._attempt = None  # for the first attempt; it can never be the one that ends it
        retry, breaker = parts.retry, parts.breaker
        self._begin = retry._plan.begin if retry is not None and retry._begins else None
        self._accepts_all = retry is None or retry._plan.retry_result is None
        limiter = parts.rate_limit
        self._gate = None if limiter is None else limiter._gate
        self._learns: Clock | None = None
        if limiter is not None and limiter.learn:
            self._learns = limiter._clock
        self._tables = None if parts.bulkhead is None else parts.bulkhead._tables
        self._circuit = None if breaker is None else breaker._only
        self._minimum_calls = 0 if breaker is None else breaker._minimum_calls
        self._slow_after: float | None = None
        if breaker is not None:
            self._slow_after, self._breaker_now = breaker._slow_after, breaker._now
        # A function without a context sees neither a deadline nor a permit, so it needs none.
        self._plain = isinstance(step, LambdaPrimitive) and not step._takes_context

    # Any: the step's own types
    async def run(self, input_data: Any, context: WorkflowContext | None) -> Any:
        """Run the step as the nested policies would.

        Args:
            input_data: What the step works on.
            context: The run's; None makes one where it is needed.
        """
        circuit = self._circuit
        window = None
        if circuit is not None:
            window = circuit.quick
            if window is None:
                return await self._pass_on(input_data, context)
        tables = self._tables
        places = None
        if tables is not None:
            table = tables.latest
            if table.loop() is not get_running_loop():
                table = tables.here()
            places = table.common
            if places.running >= places.limit:
                return await self._pass_on(input_data, context)
        total, attempt = self._total, self._attempt
        began = self._now() if self._limited is not None else 0.0
        outer = None if context is None else context.deadline
        if outer is not None and (total is None or outer <= began + total):
            assert context is not None
            if not context.deadline_enforced:
                return await self._pass_on(input_data, context)
            total = None  # the outer limit ends the call
            if attempt is not None and outer <= began + attempt:
                attempt = None
        gate = self._gate
        taken_at = 0.0
        if gate is not None:
            taken_at = gate.take(0.0)
            if taken_at is None:
                return await self._pass_on(input_data, context)
        # Nothing has to wait. What is taken from here on is forgotten here once it is given back.
        planned_at = asked_at = 0.0
        place = failure = total_slot = attempt_slot = None
        total_alarm = attempt_alarm = None
        if total is not None:
            total_alarm = object()
            total_slot = self._set_total(total_alarm, began + total)
        if attempt is not None:
            attempt_alarm = object()
            attempt_slot = self._set_attempt(attempt_alarm, began + attempt)
        value: Any = None
        view = context
        try:
            if places is not None:
                places.running += 1
            if self._begin is not None:
                planned_at = self._begin()
            if not self._plain:
                view = context = context or WorkflowContext()
                if places is not None:
                    if total is not None:
                        view = view.with_deadline(began + total, enforced=True)
                    place = Place(places, view, 0)
                    view = view.with_permit(place)
                    if attempt is not None:
                        view = view.with_deadline(began + attempt, enforced=True)
                elif attempt is not None:
                    view = view.with_deadline(began + attempt, enforced=True)
                elif total is not None:
                    view = view.with_deadline(began + total, enforced=True)
            if self._slow_after is not None:
                asked_at = self._breaker_now()
            value = await self._step.execute(input_data, cast("WorkflowContext", view))
            if attempt_slot is not None:
                slot, attempt_slot = attempt_slot, None
                if attempt_alarm in slot:  # as `slot.silence` does, for half of its price
                    del slot[attempt_alarm]
                    if not slot and not slot.timers.looking:
                        slot.timers.emptied()
                else:
                    slot.silence(attempt_alarm, None)
            if window is not None:
                assert circuit is not None
                passed, window = window, None
                slow_after = self._slow_after
                if slow_after is not None and self._breaker_now() - asked_at >= slow_after:
                    circuit.settle(passed, failed=False, slow=True)
                else:  # without a lock, as in the breaker
                    passed.number += 1
                    if passed.number == self._minimum_calls:
                        circuit.review(passed)
            if places is not None:
                held, places = places, None
                if place is None:
                    held.leave()
                else:
                    place.end()
            if gate is not None:
                answered, gate = gate, None
                if self._learns is not None and type(value) not in _BARE:
                    learn_from_answer(answered, value, self._learns.time())
        except BaseException as error:  # noqa: BLE001 - dealt with outside, so that it is no context
            failure = error
        else:
            if self._accepts_all:
                if total_slot is not None:
                    if total_alarm in total_slot:  # as above
                        del total_slot[total_alarm]
                        if not total_slot and not total_slot.timers.looking:
                            total_slot.timers.emptied()
                    else:
                        total_slot.silence(total_alarm, None)
                return value
        first = FirstAttempt(
            self._parts,
            context or WorkflowContext(),
            began,
            planned_at,
            asked_at,
            taken_at,
            total,
            attempt,
            total_slot,
            total_alarm,
            attempt_slot,
            attempt_alarm,
            circuit,
            window,
            places,
            place,
            gate,
        )
        try:
            return await first.go_on(failure, value, input_data)
        finally:
            failure = None  # else this frame would hold the error that holds this frame

    def _pass_on(self, input_data: Any, context: WorkflowContext | None) -> Any:
        return self._nested.execute(input_data, cast("WorkflowContext", context))
