"""Steps that are undone when one of them, or a later one, fails."""

from __future__ import annotations

import asyncio
import copy
import uuid
from typing import TYPE_CHECKING, Any, Final, cast, overload

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import (
    FRESH,
    In,
    Out,
    Step,
    WorkflowPrimitive,
    X,
    Y,
    Z,
    as_primitive,
)
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.introduction import introduced
from tta_dev_primitives.errors import CompensationError, ConfigurationError

from .undoing.effects import Effect, SagaStep, UnderKey, idempotency_key
from .undoing.reports import SagaReport, StepReport, undo_reports, with_report
from .undoing.rollback import Rollback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.core.context import WorkflowContext

__all__ = [
    "Effect",
    "SagaPrimitive",
    "SagaReport",
    "StepReport",
    "idempotency_key",
    "undo_reports",
]
_NOT_GIVEN: Final[Any] = object()  # Any: stands in for a step, where None has a meaning


class SagaPrimitive(WorkflowPrimitive[In, Out]):
    """Run steps in order, and undo what they did when one fails or is cancelled.

    `SagaPrimitive(book, undo=cancel).then(pay, refund)` runs *book*, then *pay* on its result. When
    *pay* does not end well, *refund* runs and then *cancel*: the last first, and the undo of the
    step that failed too, since a step that raised may have done part of its work.

    An undo gets an `Effect`: the input of the step, its result and its key. Undos run to their end
    even when the caller is cancelled meanwhile, one after the other, under a deadline of their own
    instead of the caller's, and go on when one of them fails. Then the error of the step, or the
    cancellation, is raised; `undo_reports` tells what was undone. Between the steps nothing is
    awaited.

    Args:
        forward: The first step.
        compensation: Undoes it, and gets only its input. Give either this or *undo*.
        undo: Undoes it, and gets its `Effect`. None says that there is nothing to undo.
        atomic: The step does all or nothing: when it raises or is cancelled, it is not undone.
        compensation_timeout_seconds: Longest time for undoing all steps. Each undo may take an
            equal share of what is left of it.
        clock: Where the time comes from.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: The arguments cannot work together.
        CompensationError: (when run) undoing failed too; it holds both errors, and the report. A
            caller who was cancelled gets it as the cause of the cancellation.
    """

    @overload
    def __init__(
        self,
        forward: Step[In, Out],
        compensation: Step[In, Any],  # Any: what an undo returns is not used
        *,
        atomic: bool = False,
        compensation_timeout_seconds: float = 30.0,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None: ...
    @overload
    def __init__(
        self,
        forward: Step[In, Out],
        *,
        undo: Step[Effect[In, Out], Any] | None,
        atomic: bool = False,
        compensation_timeout_seconds: float = 30.0,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None: ...
    def __init__(
        self,
        forward: Step[Any, Any],
        compensation: Step[Any, Any] = _NOT_GIVEN,
        *,
        undo: Step[Any, Any] | None = _NOT_GIVEN,
        atomic: bool = False,
        compensation_timeout_seconds: float = 30.0,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        if not compensation_timeout_seconds > 0:
            msg = (
                "compensation_timeout_seconds must be positive, "
                f"got {compensation_timeout_seconds!r}"
            )
            raise ConfigurationError(msg)
        if (compensation is _NOT_GIVEN) == (undo is _NOT_GIVEN):
            msg = (
                "a saga needs either compensation= or undo=; say undo=None where there is nothing "
                "to undo"
            )
            raise ConfigurationError(msg)
        takes_effect = compensation is _NOT_GIVEN
        first = _step(
            forward,
            undo if takes_effect else compensation,
            takes_effect=takes_effect,
            atomic=atomic,
        )
        self._steps: tuple[SagaStep, ...] = (first,)
        self._timeout = compensation_timeout_seconds
        self._clock = clock
        self.name = name

    @overload
    def then(
        self: SagaPrimitive[X, Y],
        forward: Step[Y, Z],
        undo: Step[Effect[Y, Z], Any] | None,  # Any: what an undo returns is not used
        *,
        atomic: bool = False,
    ) -> SagaPrimitive[X, Z]: ...
    @overload
    def then(self: SagaPrimitive[X, Y], forward: SagaPrimitive[Y, Z]) -> SagaPrimitive[X, Z]: ...
    def then(
        self: SagaPrimitive[Any, Any],
        forward: Step[Any, Any],
        undo: Step[Any, Any] | None = _NOT_GIVEN,
        *,
        atomic: bool = False,
    ) -> SagaPrimitive[Any, Any]:
        """Return a saga that runs *forward* after the steps of this one.

        A saga that is given alone adds its steps with their undos, one by one. Time limit, clock
        and name are those of this saga.

        Args:
            forward: Gets the result of the step before.
            undo: Undoes it, and gets its `Effect`. None says that there is nothing to undo.
            atomic: The step does all or nothing: when it raises or is cancelled, it is not undone.

        Raises:
            ConfigurationError: There is no *undo*, and *forward* is not a saga.
        """
        if undo is not _NOT_GIVEN:
            added: tuple[SagaStep, ...] = (_step(forward, undo, takes_effect=True, atomic=atomic),)
        elif isinstance(forward, SagaPrimitive) and not atomic:
            added = cast("SagaPrimitive[Any, Any]", forward)._steps
        else:
            msg = f"{forward!r} needs an undo; say None where there is nothing to undo"
            raise ConfigurationError(msg)
        longer = copy.copy(self)
        longer._steps = (*self._steps, *added)
        return longer

    @property
    def forward(self) -> WorkflowPrimitive[In, Any]:  # Any: of a step in the middle
        """The first step."""
        return self._steps[0].action

    @property
    def compensation(self) -> WorkflowPrimitive[Any, Any] | None:  # Any: gets one of two things
        """What undoes the first step."""
        return self._steps[0].undo

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the steps; undo them if one does not end well."""
        run = uuid.uuid4().hex
        values: list[Any] = [input_data]
        told: dict[int, observe.SagaStepRecord] = {}
        try:
            for number, step in enumerate(self._steps, start=1):
                with UnderKey(f"{run}-{number}"):
                    if observe.active is None:
                        values.append(await step.action.execute(values[-1], context))
                        continue
                    told[number] = observe.SagaStepRecord(step.action.label, number)
                    call = introduced(told[number], step.action, values[-1], context)
                    values.append(await call)
        # As `finally` would: an exit of the program leaves nothing behind either.
        except (Exception, asyncio.CancelledError, KeyboardInterrupt, SystemExit) as error:
            instead = await self._undo(run, values, context, error, told)
            if instead:
                raise instead.pop()  # noqa: B904 - it knows its cause
            raise
        return values[-1]

    async def _undo(
        self,
        run: str,
        values: list[Any],
        context: WorkflowContext,
        error: BaseException,
        told: dict[int, observe.SagaStepRecord],
    ) -> list[BaseException]:
        """Undo the steps that began, and return what is to be raised instead of *error*, if any.

        In a list, so that the frame it is raised from need not hold it.
        """
        rollback = Rollback(context, self._timeout, self._clock, told)
        steps = await rollback.run(self._done(run, values, error))
        report = SagaReport(self.label, run, idempotency_key(), steps)
        self._tell(report)
        failures = [step.undo_error for step in report.failures() if step.undo_error is not None]
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            pass  # nobody may take the end of the program for an error to be handled
        elif failures:
            both = with_report(_both(error, failures, report), report)
            cancelled = rollback.cancelled or error
            if not isinstance(cancelled, asyncio.CancelledError):
                return [both]
            # Whoever was told to end must not take this for an error to be answered.
            cancelled.__cause__ = both
            with_report(cancelled, report)
            return [] if cancelled is error else [cancelled]
        elif rollback.cancelled is not None:
            return [with_report(rollback.cancelled, report)]
        with_report(error, report)
        return []

    def _done(
        self, run: str, values: list[Any], error: BaseException
    ) -> list[tuple[SagaStep, Effect[Any, Any]]]:
        """Return the steps that began, with what each did.

        *values* are the input and the results so far.
        """
        failed = len(values)
        done: list[tuple[SagaStep, Effect[Any, Any]]] = []
        for number, (step, given) in enumerate(zip(self._steps, values, strict=False), start=1):
            label, key = step.action.label, f"{run}-{number}"
            if number == failed:
                done.append((step, Effect(label, key, given, error=error)))
            else:
                done.append((step, Effect(label, key, given, result=values[number])))
        return done

    def _tell(self, report: SagaReport) -> None:
        run = sum(step.undo is not None for step in report.steps)
        if run and observe.active is not None:
            failed = report.steps[-1].step
            observe.report(observe.SagaRecord(failed, report.result, len(self._steps), run))

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the steps in order, each with its undo after it."""
        found: list[tuple[str, WorkflowPrimitive[Any, Any]]] = []
        for number, step in enumerate(self._steps, start=1):
            place = f" {number}" if len(self._steps) > 1 else ""
            found.append((f"forward{place}", step.action))
            if step.undo is not None:
                found.append((f"compensation{place}", step.undo))
        return found


def _step(
    forward: Step[Any, Any], undo: Step[Any, Any] | None, *, takes_effect: bool, atomic: bool
) -> SagaStep:
    primitive = None if undo is None else as_primitive(undo)
    return SagaStep(as_primitive(forward), primitive, takes_effect, atomic)


def _both(
    error: BaseException, failures: list[BaseException], report: SagaReport
) -> CompensationError:
    """Return the error for a step and for what was not undone."""
    failure = failures[0]
    if len(failures) > 1:
        failure = BaseExceptionGroup(f"{len(failures)} steps were not undone", failures)
    both = CompensationError(report.steps[-1].step, error, failure, report=report)
    both.__cause__ = failure
    return both
