"""Ask again when an answer takes too long, and use the one that comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, WorkflowPrimitive, X, Y, as_primitive
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.recovery.hedging.latency_quantile import LatencyQuantile, Quantile
from tta_dev_primitives.recovery.hedging.plan import Plan
from tta_dev_primitives.recovery.hedging.race import Race
from tta_dev_primitives.recovery.hedging.stream_task import END

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from tta_dev_primitives.core.context import WorkflowContext

    from .retry_budget import RetryBudget

__all__ = ["HedgePrimitive", "Quantile"]
_LONGEST_DELAY: Final = 86_400.0


class HedgePrimitive(PolicyPrimitive[In, Out]):
    """Begin a second call when the first one takes too long, and use the first success.

    The step runs in the caller's own task; as long as no hedge begins there is no other. The
    first call to succeed wins; the others are cancelled and have ended before its result is
    returned. Of a stream the first chunk decides; the winner goes on and the others are closed.
    When all fail, the error of the step itself is raised, with a note for each hedge, so that
    callers handle the same errors with hedging as without. Cancelling the caller cancels all.

    A hedged step may have its effect twice: hedge what only reads, or what knows repeats.

    Args:
        primitive: What to run.
        delay: Seconds until a hedge begins, and from each hedge to the next; or a `Quantile` of
            what the step took lately (for streams until the first chunk), shared by all that the
            policy wraps. A hedge that could not begin before the context's deadline does not.
        max_hedges: Most further calls beside the first.
        alternatives: Steps that hedges go to, in turn, instead of to the same step again.
        budget: Bounds the hedges of all calls together. When it is used up no new hedge begins;
            those that run go on.
        hedge_on_error: Begin the next hedge at once when a call fails before any has succeeded:
            with alternatives after every error, otherwise where `is_retryable` says so and the
            server asked for no pause.
        shadow: Begin no hedges, only report those that would have begun.
        clock: Where the time comes from.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: The arguments cannot work together.
    """

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        *,
        delay: float | Quantile = 0.5,
        max_hedges: int = 1,
        alternatives: Iterable[Step[In, Out]] = (),
        budget: RetryBudget | None = None,
        hedge_on_error: bool = True,
        shadow: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        others = tuple(as_primitive(step) for step in alternatives)
        if not isinstance(delay, Quantile) and not 0 <= delay <= _LONGEST_DELAY:
            msg = f"delay must be a Quantile or 0 to {_LONGEST_DELAY:g} seconds, got {delay!r}"
            raise ConfigurationError(msg)
        if max_hedges < 1:
            msg = f"max_hedges must be 1 or more, got {max_hedges!r}; to hedge nothing use the step"
            raise ConfigurationError(msg)
        if len(others) > max_hedges:
            msg = (
                f"{len(others)} alternatives cannot all be used with max_hedges={max_hedges!r}; "
                f"set max_hedges={len(others)}"
            )
            raise ConfigurationError(msg)
        live = isinstance(delay, Quantile)
        self._plan = Plan(
            delay=None if live else delay,
            latency=LatencyQuantile(delay) if live else None,
            max_hedges=max_hedges,
            alternatives=others,
            # A rehearsal must not use up what others may really spend.
            budget=budget.twin() if shadow and budget is not None else budget,
            hedge_on_error=hedge_on_error,
            shadow=shadow,
            clock=clock,
        )

    if TYPE_CHECKING:  # what it wraps keeps its types

        def wrap(self, primitive: Step[X, Y]) -> HedgePrimitive[X, Y]: ...  # noqa: D102
        def __call__(self, primitive: Step[X, Y]) -> HedgePrimitive[X, Y]: ...  # noqa: D102

    @property
    def current_delay(self) -> float | None:
        """Seconds until a hedge begins; None while too few calls were seen for a quantile."""
        latency = self._plan.latency
        return self._plan.delay if latency is None else latency.value

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step, and hedges beside it where it takes too long."""
        plan, primitive = self._plan, self.primitive
        race = Race(plan, primitive, input_data, context)
        try:
            value = await primitive.execute(input_data, context)
        except GeneratorExit:
            race.abandon()  # a coroutine that is closed may not wait
            raise
        except BaseException as error:
            if not await race.rescue(error):
                if observe.active is not None and isinstance(error, Exception):
                    race.report(failed=True)
                raise
            unused = None
        else:
            if plan.latency is not None:
                plan.latency.add(plan.clock.monotonic() - race.began)
            if race.timer is not None:
                race.timer.cancel()
            if race.hedges:
                await race.succeeded()
            if race.winner is None:
                if observe.active is not None:
                    race.report()
                return value
            unused = value  # the step answered although it was told to stop
        if observe.active is not None:
            race.report(unused=unused)
        assert race.winner is not None
        return race.winner.first.result()

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step, or the hedge whose first chunk comes sooner.

        A stream that ends without a chunk is a success. After the first chunk nothing is hedged.
        """
        plan, primitive = self._plan, self.primitive
        race = Race(plan, primitive, input_data, context, True)  # noqa: FBT003 - as there
        chunks = primitive.stream(input_data, context)
        chunk: object = END
        try:
            try:
                chunk = await _first_of(chunks)
            except GeneratorExit:
                race.abandon()
                raise
            except BaseException as error:
                if not await race.rescue(error):
                    if observe.active is not None and isinstance(error, Exception):
                        race.report(failed=True)
                    raise
            else:
                if plan.latency is not None:
                    plan.latency.add(plan.clock.monotonic() - race.began)
                await race.succeeded()
            if observe.active is not None:
                race.report()
            if race.winner is not None and race.winner.stream is not None:
                await chunks.aclose()
                chunk = race.winner.first.result()
                while chunk is not END:
                    yield chunk
                    chunk = await race.winner.stream.next()
            elif chunk is not END:
                yield chunk
                async for chunk in chunks:
                    yield chunk
        finally:
            try:
                await chunks.aclose()
            finally:
                await race.close()

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the step and the alternatives."""
        others = enumerate(self._plan.alternatives, start=1)
        return [*super().children(), *((f"hedge {number}", step) for number, step in others)]


async def _first_of(chunks: AsyncGenerator[Any, None]) -> Any:
    async for chunk in chunks:
        return chunk
    return END
