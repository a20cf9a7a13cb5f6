"""A step that goes wrong now and then, the same way each time the test runs."""

from __future__ import annotations

import contextlib
import math
import threading
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, X, Y
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.deadline import within
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from tta_dev_primitives.core.context import WorkflowContext

_LONGEST_CUT_STREAM: Final = 8


@dataclass(frozen=True, slots=True)
class FaultStats:
    """What was injected so far, by all wraps of one fault primitive together.

    Attributes:
        calls: Calls, streams included.
        delayed: Those that were made to wait.
        failed: Those that raised `error` instead of running the step.
        malformed: Those whose answer was to be spoilt.
        aborted: Those whose connection was to be cut.
    """

    calls: int = 0
    delayed: int = 0
    failed: int = 0
    malformed: int = 0
    aborted: int = 0


class FaultPrimitive(PolicyPrimitive[In, Out]):
    """Inject latency, errors, cut connections and malformed answers into a step.

    Each kind of fault that is given strikes a call with its own chance, independently of the
    others; in one call the latency comes first, then the error. Five numbers are drawn for every
    call when it begins, whatever is configured, so the same seed gives the same faults to the same
    calls in the order in which they begin.

    An aborted call has run: its work is done and its answer lost, as when a connection is cut. An
    aborted stream raises after one to eight chunks, or in place of its end where it is shorter.

    Args:
        primitive: What to run.
        latency: Seconds to wait before the step; capped by the context's deadline.
        error: Makes the error to raise instead of running the step: a class, or a function
            without arguments.
        abort_rate: Chance that the connection is cut.
        malformed: Takes the result and returns the spoilt one; in a stream, for every chunk.
        rate: Chance of latency, of an error and of a malformed answer, each.
        seed: Which faults strike which calls.
        random: Draws numbers from 0 up to, not including, 1 in place of the seeded generator.
        clock: Where the time comes from.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: There is nothing to inject, or a chance or the latency makes no sense.
        ConnectionResetError: (when run) the connection was cut.
    """

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        *,
        latency: float = 0.0,
        error: Callable[[], Exception] | None = None,
        abort_rate: float = 0.0,
        malformed: Callable[[Any], Any] | None = None,  # Any: chunks need not have the whole's type
        rate: float = 0.1,
        seed: int = 0,
        random: Callable[[], float] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        for what, chance in (("rate", rate), ("abort_rate", abort_rate)):
            if not 0 <= chance <= 1:
                msg = f"{what} must be a chance from 0 to 1, got {chance!r}"
                raise ConfigurationError(msg)
        if not 0 <= latency < math.inf:
            msg = f"latency must be 0 or more seconds and finite, got {latency!r}"
            raise ConfigurationError(msg)
        if error is not None and not callable(error):
            msg = (
                f"error must be a class or function that makes an error, got {error!r}; one "
                "instance raised twice would mix two tracebacks"
            )
            raise ConfigurationError(msg)
        if not latency and error is None and malformed is None and not abort_rate:
            msg = "there is nothing to inject; give latency=, error=, malformed= or abort_rate="
            raise ConfigurationError(msg)
        self._latency, self._error, self._malformed = latency, error, malformed
        self._plan = _Plan(
            random or Random(seed).random,
            delay=rate if latency else 0.0,
            fail=rate if error else 0.0,
            spoil=rate if malformed else 0.0,
            abort=abort_rate,
        )
        self._clock = clock

    if TYPE_CHECKING:  # what it wraps keeps its types

        def wrap(self, primitive: Step[X, Y]) -> FaultPrimitive[X, Y]: ...  # noqa: D102
        def __call__(self, primitive: Step[X, Y]) -> FaultPrimitive[X, Y]: ...  # noqa: D102

    def stats(self) -> FaultStats:
        """Return what was injected so far."""
        return self._plan.stats()

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step, with the faults that are due."""
        primitive, strikes = self.primitive, self._draw()
        await self._precede(strikes, context)
        value = await primitive.execute(input_data, context)
        if strikes.abort_after:
            msg = "injected fault: the connection was cut before the answer arrived"
            raise ConnectionResetError(msg)
        return self._spoilt(value) if strikes.spoils else value

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step, with the faults that are due."""
        primitive, strikes = self.primitive, self._draw()
        await self._precede(strikes, context)
        taken = 0
        async with contextlib.aclosing(primitive.stream(input_data, context)) as chunks:
            async for chunk in chunks:
                yield self._spoilt(chunk) if strikes.spoils else chunk
                taken += 1
                if taken == strikes.abort_after:
                    break
        if strikes.abort_after:
            msg = f"injected fault: the connection was cut after {taken} chunks"
            raise ConnectionResetError(msg)

    def _draw(self) -> _Strikes:
        """Return the faults of a call and report them."""
        strikes = self._plan.draw()
        if strikes is not _NOTHING and observe.active is not None:
            observe.report(observe.FaultRecord(strikes.kinds()))
        return strikes

    async def _precede(self, strikes: _Strikes, context: WorkflowContext) -> None:
        """Wait and fail, where that is due."""
        if strikes.delays:
            limit = None if context.deadline_enforced else context.deadline
            await within(self._clock.sleep(self._latency), limit, self._clock, self.label)
        if strikes.fails and self._error is not None:
            raise self._error()

    def _spoilt(self, value: Any) -> Any:  # Any: a result or a chunk
        return value if self._malformed is None else self._malformed(value)


@dataclass(frozen=True, slots=True)
class _Strikes:
    """The faults of one call; `abort_after` is a number of chunks, 0 for no abort."""

    delays: bool
    fails: bool
    spoils: bool
    abort_after: int

    def kinds(self) -> tuple[observe.FaultKind, ...]:
        """Return what strikes, in the order in which it does."""
        due: tuple[tuple[observe.FaultKind, object], ...] = (
            ("latency", self.delays),
            ("error", self.fails),
            ("malformed", self.spoils),
            ("abort", self.abort_after),
        )
        return tuple(kind for kind, strikes in due if strikes)


_NOTHING: Final = _Strikes(delays=False, fails=False, spoils=False, abort_after=0)


class _Plan:
    """Draws the faults and counts them; shared by all wraps."""

    def __init__(
        self,
        random: Callable[[], float],
        *,
        delay: float,
        fail: float,
        spoil: float,
        abort: float,
    ) -> None:
        self._random = random
        self._chances = (delay, fail, spoil, abort)
        self._lock = threading.Lock()  # the five draws of a call belong together
        self._calls = self._delayed = self._failed = self._malformed = self._aborted = 0

    def draw(self) -> _Strikes:
        """Return the faults of the call that begins now."""
        delay, fail, spoil, abort = self._chances
        random = self._random
        with self._lock:
            delays, fails = random() < delay, random() < fail
            spoils, aborts = random() < spoil, random() < abort
            chunks = 1 + int(random() * _LONGEST_CUT_STREAM)
            self._calls += 1
            if not (delays or fails or spoils or aborts):
                return _NOTHING
            strikes = _Strikes(
                delays, fails, spoils and not fails, chunks if aborts and not fails else 0
            )
            self._delayed += strikes.delays
            self._failed += strikes.fails
            self._malformed += strikes.spoils
            self._aborted += strikes.abort_after > 0
        return strikes

    def stats(self) -> FaultStats:
        """Return what was drawn so far."""
        with self._lock:
            return FaultStats(
                self._calls, self._delayed, self._failed, self._malformed, self._aborted
            )
