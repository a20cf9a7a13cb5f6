"""The attempts of one call: what is settled before it, and what came of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.permits import sleep_without_permits
from tta_dev_primitives.errors import RejectedError

from .schedules import FailedAttempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from tta_dev_primitives.core.clock import Clock
    from tta_dev_primitives.core.context import WorkflowContext

    from .retry_budget import RetryBudget
    from .schedules import Schedule

_EARLIER: Final = "__earlier_errors__"


def earlier_errors(error: BaseException) -> tuple[Exception, ...]:
    """Return the errors of the attempts before the one that raised *error*, oldest first.

    Empty where there were none. With retries inside retries these are the outermost one's.
    """
    return vars(error).get(_EARLIER, ())


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """What all calls under one retry policy share.

    Attributes:
        schedule: When to try again.
        max_retry_after: Longest wait, in seconds, that a server may ask for.
        retry_on: Whether to try again after an error.
        retry_result: Whether to try again after a result.
        budget: Bounds the retries of all calls together.
        clock: Where the time comes from.
        random: Draws the jitter.
        timed: Whether the schedule asks how long ago a call began.
    """

    schedule: Schedule
    max_retry_after: float
    retry_on: Callable[[Exception], bool]
    retry_result: Callable[[Any], bool] | None  # Any: the step's own type
    budget: RetryBudget | None
    clock: Clock
    random: Callable[[], float]
    timed: bool

    def begin(self) -> float:
        """Count a call, and return when it begins as far as anybody asks."""
        if self.budget is not None:
            self.budget.count_call()
        return self.clock.monotonic() if self.timed else 0.0

    def report_end(self, attempts: int, waited: float, *, exhausted: bool) -> None:
        """Tell the observers how a call ended; a schedule without a number reports 0 for it."""
        most = self.schedule.max_attempts or 0
        observe.report(observe.RetryRecord(attempts, most, waited, exhausted))


class Attempts:
    """The attempts of one call, from the first that did not bring what is wanted.

    After each one tell how it ended: `failed` and `unwanted` say whether there is to be another.
    If so, `pause`; where that finds that there cannot be another after all, `outcome` gives what
    the last one brought.

    Args:
        plan: The policy's.
        context: The call's.
        began: What `plan.begin()` returned.
    """

    __slots__ = ("_began", "_context", "_delay", "_past", "_plan", "_value", "_waited", "_waits")

    def __init__(self, plan: RetryPlan, context: WorkflowContext, began: float) -> None:
        self._plan, self._context, self._began = plan, context, began
        self._waits = plan.schedule.begin(plan.random)
        # The tracebacks of errors lead back to this object, so it keeps none beyond the end. None
        # stands for a result that was not wanted.
        self._past: list[Exception | None] = []
        self._value: Any = None  # Any: the step's own type
        self._delay = self._waited = 0.0

    def failed(self, error: Exception, *, final: bool = False) -> bool:
        """Note that an attempt raised *error*; return whether there is to be another."""
        self._past.append(error)
        self._value = None
        if final or not self._plan.retry_on(error):
            return self._give_up()
        return self._decide(_asked_by(error))

    def unwanted(self, value: Any) -> bool:  # Any: the step's own type
        """Note that an attempt returned *value*; return whether there is to be another."""
        self._past.append(None)
        self._value = value
        return self._decide(0.0)

    def succeeded(self) -> None:
        """Note that an attempt brought what is wanted."""
        if observe.active is not None:
            self._plan.report_end(len(self._past) + 1, self._waited, exhausted=False)
        self._past.clear()

    def _decide(self, asked: float) -> bool:
        """Settle the wait before the next attempt, or that there is none."""
        plan, error, number = self._plan, self._past[-1], len(self._past)
        if asked > plan.max_retry_after:
            return self._give_up(f"the server asks to wait {asked:g} s, which is too long")
        now = plan.clock.monotonic()
        delay = self._waits(
            FailedAttempt(number, now - self._began, asked, self._waited, error, self._value)
        )
        if delay is None:
            return self._give_up()
        deadline = self._context.deadline
        if deadline is not None and not now + delay < deadline:
            return self._give_up(f"the deadline passes before the {delay:g} s to wait are over")
        if plan.budget is not None and not plan.budget.take():
            return self._give_up("the retry budget is used up")
        self._delay = delay
        if observe.active is not None:
            kind = "unwanted_result" if error is None else type(error).__name__
            observe.report(observe.RetryScheduledRecord(number, delay, kind))
        return True

    async def pause(self) -> bool:
        """Wait until the next attempt may begin; return False where it may not after all.

        The places that the call holds are given up meanwhile. A retry that is not made, whatever
        the reason, is put back into the budget.
        """
        plan, context, delay = self._plan, self._context, self._delay
        ready, reason = False, "the deadline passed during the wait"
        try:
            if delay > 0:
                await sleep_without_permits(plan.clock, delay, context)
            else:  # a call that does not wait need not queue for its place again
                await plan.clock.sleep(delay)
            ready = context.deadline is None or plan.clock.monotonic() < context.deadline
        except RejectedError as refusal:
            reason = f"{type(refusal).__name__}: {refusal}"
        finally:
            if not ready and plan.budget is not None:
                plan.budget.give_back()
        self._waited += delay
        if ready:
            if context.tally is not None:
                context.tally.attempts += 1
            return True
        last = self._past[-1]
        self._give_up(reason)
        self._past.append(last)
        return False

    def outcome(self) -> Any:  # Any: the step's own type
        """Return what the last attempt returned, or raise its error."""
        error = self._past.pop()
        if error is None:
            return self._value
        try:
            raise error
        finally:
            del error  # else this frame would hold the error that holds this frame

    def _give_up(self, reason: str = "") -> bool:
        """Report the end and tell the last error about those before it; return False."""
        *earlier, last = self._past
        if observe.active is not None:
            self._plan.report_end(len(self._past), self._waited, exhausted=True)
        if last is not None:
            _annotate(last, earlier, reason)
        self._past.clear()
        return False


def _asked_by(error: Exception) -> float:
    """Return the seconds that the server asked to wait, 0 where it did not."""
    asked = getattr(error, "retry_after", None)
    return float(asked) if isinstance(asked, int | float) and asked > 0 else 0.0


def _annotate(error: Exception, earlier: list[Exception | None], reason: str) -> None:
    """Attach to *error* what came before it, as notes and as data."""
    notes = [
        f"attempt {number} returned what retry_result refuses"
        if past is None
        else f"attempt {number} failed with {type(past).__name__}: {past}"
        for number, past in enumerate(earlier, start=1)
        if past is not error
    ]
    if reason:
        notes.append(f"not tried again: {reason}")
    # Not by add_note() and setattr(): an error that is a frozen dataclass refuses both.
    attributes = vars(error)
    if notes:
        known: list[str] = attributes.setdefault("__notes__", [])
        # One error may end many calls, as where they all wait for one upstream call.
        known.extend(note for note in notes if note not in known)
    others = tuple(past for past in earlier if past is not None and past is not error)
    if others:
        attributes[_EARLIER] = others
