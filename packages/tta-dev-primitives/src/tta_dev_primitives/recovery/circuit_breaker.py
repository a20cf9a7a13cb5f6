"""Stop calling what is down, and notice when it is up again."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, cast

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, X, Y
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import (
    ConfigurationError,
    InputTypeError,
    RejectedError,
    RouteNotFoundError,
)
from tta_dev_primitives.recovery.circuits.circuit import Admission, Circuit
from tta_dev_primitives.recovery.circuits.rules import BreakerStats, CircuitRules
from tta_dev_primitives.recovery.circuits.table import Circuits

from .retry import is_retryable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable

    from tta_dev_primitives.core.context import WorkflowContext

_logger = logging.getLogger("tta_dev_primitives.recovery.circuit_breaker")
_NEVER_SENT: Final = (RejectedError, ConfigurationError, InputTypeError, RouteNotFoundError)
_ONLY: Final = object()


class CircuitBreakerPrimitive(PolicyPrimitive[In, Out]):
    """Refuse calls to a service that fails, until it answers again.

    *Closed*, calls pass and their results are counted. When the failure rate or the slow-call rate
    is reached the circuit *opens*: calls are refused with `CircuitOpenError`, and nothing waits.
    After *open_seconds* it is *half open*: some calls pass as probes, and as soon as their results
    decide it, the circuit closes or opens again. Results of calls begun before a change of state
    do not count. A probe's place is free again however the probe ends.

    A call that is cancelled does not count, unless it was slow by then. Neither does one that was
    refused further in, or never sent: `RejectedError` and mistakes in arguments. A stream counts
    when it ends; it is slow when it lets its reader wait that long for a chunk, and good when its
    reader leaves after one. One object may be used from several event loops and threads.

    Args:
        primitive: What to run.
        failure_rate: Part of the calls, above 0 and up to 1, that opens the circuit.
        slow_call_seconds: From this duration on a call is slow; None counts no call as slow.
        slow_call_rate: Part of the calls whose slowness opens the circuit.
        window_calls: Rates are those of so many calls; 100 when left out.
        window_seconds: Rates are those of the calls of so many seconds, instead.
        minimum_calls: Calls in the window before a rate means anything.
        open_seconds: How long all calls are refused, and how long a probe that does not come back
            keeps its place.
        half_open_permits: How many probes decide.
        counts: Tells whether an error is a failure of the service; any other error is an answer.
            The default is `is_retryable`: wrong requests and keys do not speak against a service.
        ignore: Tells which further errors do not count at all.
        key: Takes the input and the context and returns what has a circuit of its own, such as a
            host. Without it there is one circuit.
        max_keys: How many circuits are kept; the one used longest ago goes first.
        on_state_change: Called with each change and the key (None without *key*), where it
            happens. What it raises is logged.
        shadow: Decide and report, but refuse nothing. A call that would have been refused does
            not count.
        clock: Where the time comes from.
        name: Name in errors, paths, traces and diagrams.

    Raises:
        ConfigurationError: The arguments cannot work.
        CircuitOpenError: (when run) the call was refused; `retry_after` says for how long.
    """

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        *,
        failure_rate: float = 0.5,
        slow_call_seconds: float | None = None,
        slow_call_rate: float = 1.0,
        window_calls: int | None = None,
        window_seconds: float | None = None,
        minimum_calls: int = 10,
        open_seconds: float = 30.0,
        half_open_permits: int = 3,
        counts: Callable[[Exception], bool] = is_retryable,
        ignore: Callable[[Exception], bool] | None = None,
        key: Callable[[In, WorkflowContext], Hashable] | None = None,
        max_keys: int = 1000,
        on_state_change: Callable[[observe.BreakerTransitionRecord, Hashable], object]
        | None = None,
        shadow: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        if window_calls is not None and window_seconds is not None:
            msg = (
                f"give window_calls={window_calls!r} or window_seconds={window_seconds!r}, not both"
            )
            raise ConfigurationError(msg)
        if max_keys < 1:
            msg = f"max_keys must be 1 or more, got {max_keys!r}"
            raise ConfigurationError(msg)
        self._rules = CircuitRules(
            failure_rate=failure_rate,
            slow_call_seconds=slow_call_seconds,
            slow_call_rate=slow_call_rate,
            window_calls=100 if window_calls is None else window_calls,
            window_seconds=window_seconds,
            minimum_calls=minimum_calls,
            open_seconds=open_seconds,
            half_open_permits=half_open_permits,
        )
        self._counts, self._ignore, self._key = counts, ignore, key
        self._minimum_calls, self._slow_after = minimum_calls, slow_call_seconds
        self._on_state_change, self._shadow = on_state_change, shadow
        self._now = clock.monotonic
        # Shared by all copies that `wrap` makes.
        self._circuits = Circuits(self._new_circuit, max_keys)
        self._circuits.title = name or ("" if self._primitive is None else self._primitive.label)
        self._only = self._circuits.get(None) if key is None else None

    def wrap(self, primitive: Step[X, Y]) -> CircuitBreakerPrimitive[X, Y]:
        """Return this breaker around *primitive* as well: one counts and opens for the other."""
        wrapped = cast("CircuitBreakerPrimitive[X, Y]", super().wrap(primitive))
        # All that share the circuits share a name, else they are several series of one thing.
        self._circuits.title = self._circuits.title or wrapped.primitive.label
        return wrapped

    if TYPE_CHECKING:  # what it wraps keeps its types

        def __call__(self, primitive: Step[X, Y]) -> CircuitBreakerPrimitive[X, Y]: ...  # noqa: D102

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step, or refuse to."""
        circuit = self._only
        if circuit is None:
            circuit = self._circuit_for(input_data, context)
        window = circuit.quick
        if window is None or observe.active is not None:
            return await self._execute(circuit, input_data, context)
        primitive = self._primitive
        if primitive is None:
            primitive = self.primitive
        slow_after = self._slow_after
        began = 0.0 if slow_after is None else self._now()
        try:
            value = await primitive.execute(input_data, context)
        except BaseException as error:
            seconds = 0.0 if slow_after is None else self._now() - began
            self._leave(circuit, window, error, seconds)
            raise
        if slow_after is not None and self._now() - began >= slow_after:
            circuit.settle(window, failed=False, slow=True)
            return value
        # No lock: there is no call in this line, so the interpreter does not switch threads in it.
        window.number += 1
        if window.number == self._minimum_calls:
            circuit.review(window)
        return value

    async def _execute(self, circuit: Circuit, input_data: In, context: WorkflowContext) -> Out:
        """Run the step with the whole of the bookkeeping."""
        primitive = self.primitive
        admission = self._enter(circuit)
        began = self._now()
        try:
            value = await primitive.execute(input_data, context)
        except BaseException as error:
            self._leave(circuit, admission, error, self._now() - began)
            raise
        if admission is not None:
            slow = self._slow_after is not None and self._now() - began >= self._slow_after
            circuit.settle(admission, failed=False, slow=slow)
        return value

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step, or refuse to; a probe's place is held until the stream ends."""
        primitive = self.primitive
        circuit = self._only or self._circuit_for(input_data, context)
        admission = self._enter(circuit)
        longest, reader_left = 0.0, False
        try:
            chunks = primitive.stream(input_data, context)
            try:
                while True:
                    asked = self._now()
                    try:
                        chunk = await anext(chunks)
                    except StopAsyncIteration:
                        break
                    finally:
                        longest = max(longest, self._now() - asked)
                    try:
                        yield chunk
                    except GeneratorExit:
                        reader_left = True
                        raise
            finally:
                await chunks.aclose()
        except BaseException as error:
            well = reader_left and isinstance(error, GeneratorExit)
            self._leave(circuit, admission, None if well else error, longest)
            raise
        self._leave(circuit, admission, None, longest)

    @property
    def state(self) -> observe.BreakerState:
        """The state of the circuit; with *key*, see `stats`."""
        return self.stats().state

    def stats(self, key: Hashable = _ONLY) -> BreakerStats:
        """Return what the circuit, or the one of *key*, knows."""
        return self._circuits.peek(self._named(key)).stats()

    def keys(self) -> tuple[Hashable, ...]:
        """Return the keys that have a circuit, the one used longest ago first."""
        return () if self._key is None else self._circuits.keys()

    def force_open(self, key: Hashable = _ONLY) -> None:
        """Refuse all calls until `reset()` or `force_closed()`."""
        self._circuits.get(self._named(key)).force("open", "forced", lasting=True)

    def force_closed(self, key: Hashable = _ONLY) -> None:
        """Refuse no calls, whatever becomes of them, until `reset()` or `force_open()`."""
        self._circuits.get(self._named(key)).force("closed", "forced", lasting=True)

    def reset(self, key: Hashable = _ONLY) -> None:
        """Close the circuit and forget all results."""
        self._circuits.get(self._named(key)).force("closed", "reset", lasting=False)

    def _circuit_for(self, input_data: In, context: WorkflowContext) -> Circuit:
        assert self._key is not None
        return self._circuits.get(self._key(input_data, context))

    def _named(self, key: Hashable) -> Hashable:
        if (key is _ONLY) != (self._key is None):
            has = (
                "one circuit; leave the key out"
                if self._key is None
                else "a circuit for each key; name one"
            )
            msg = f"{self._title} has {has}"
            raise ConfigurationError(msg)
        return None if key is _ONLY else key

    def _enter(self, circuit: Circuit) -> Admission | None:
        """Return the admission, None for a call that only the shadow mode lets through."""
        admission = circuit.admit()
        if observe.active is not None:
            stats = circuit.stats()
            record = observe.BreakerRecord(self._title, stats.state, stats.failure_rate)
            if admission is None:
                record.result = "shadow" if self._shadow else "rejected"
            observe.report(record, outcome="rejected" if record.result == "rejected" else None)
        if admission is None and not self._shadow:
            raise circuit.refusal(self._title)
        return admission

    def _leave(
        self,
        circuit: Circuit,
        admission: Admission | None,
        error: BaseException | None,
        seconds: float,
    ) -> None:
        """Hand the admission back with what is known of the call."""
        if admission is None:
            return
        slow = self._slow_after is not None and seconds >= self._slow_after
        try:
            failed = self._failed(error, slow=slow)
        except BaseException:
            circuit.give_back(admission)
            raise
        if failed is None:
            circuit.give_back(admission)
        else:
            circuit.settle(admission, failed=failed, slow=slow)

    def _failed(self, error: BaseException | None, *, slow: bool) -> bool | None:
        """Tell whether a call failed; None where it does not count."""
        if error is None:
            return False
        if not isinstance(error, Exception):
            return False if slow and isinstance(error, asyncio.CancelledError) else None
        if isinstance(error, _NEVER_SENT) or (self._ignore is not None and self._ignore(error)):
            return None
        return self._counts(error)

    @property
    def _title(self) -> str:
        return self._circuits.title or self.label

    def _new_circuit(self, key: Hashable) -> Circuit:
        listener = self._on_state_change

        def announce(before: observe.BreakerState, after: observe.BreakerState, why: str) -> None:
            title = self._title
            record = observe.BreakerTransitionRecord(title, before, after, why)
            if observe.active is not None:
                observe.report(record)
            if listener is not None:
                try:
                    listener(record, key)
                except Exception as raised:
                    _logger.warning("on_state_change of %s raised", title, exc_info=raised)

        return Circuit(self._rules, self._now, announce)
