"""Money and tokens with an end."""

from __future__ import annotations

import contextlib
import logging
import math
from typing import TYPE_CHECKING, Any, Literal

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, X, Y
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.core.streaming import join_chunks
from tta_dev_primitives.errors import BudgetExceededError, ConfigurationError
from tta_dev_primitives.recovery.spending.amounts import Measure, Unit
from tta_dev_primitives.recovery.spending.ledger import Account, Balance, Ledger, Per

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable

    from tta_dev_primitives.core.context import WorkflowContext

_logger = logging.getLogger("tta_dev_primitives.budget")


class BudgetPrimitive(PolicyPrimitive[In, Out]):
    """Refuse calls when the money or the tokens of a scope are spent.

    A call is let in while something is left, at least its own estimate where there is one. The
    estimate is reserved while the call runs, and what the answer cost takes its place. A call that
    fails or is cancelled gives its reservation back. A stream settles when it ends; cut short after
    its first chunk it costs what its chunks so far cost, or its estimate where they do not say.
    Without an estimate, calls that run at the same moment can go over the limit together.

    A call counts in the period it began in. Nothing here waits, and no state is bound to an event
    loop: one budget may serve several loops and threads. The books are those of this process.

    Args:
        primitive: What to run.
        limit: What each scope may spend in a period: US dollars or tokens.
        unit: What is counted.
        per: The period: a calendar unit of UTC, seconds (counted from the epoch), or None for ever.
        scope: Takes the input and the context, and returns who pays: anything hashable. Its text is
            shown in errors, logs and reports, so return an id and no secret.
        estimate: Takes the input and the context, and returns what to reserve, or None where the
            price is not known.
        actual: Takes the result and the input, and returns what was spent, or None where that is
            not known. By default `result.cost`, or the input and output tokens of `result.usage`.
        unpriced: What an unknown price means. `allow` lets the call through and takes its estimate
            for its cost; `reject` refuses a call whose estimate is None, and after an answer whose
            cost is None all further calls of the scope in that period.
        hard: Refuse what goes over the limit; otherwise warn once per scope and period.
        shadow: Decide and report, but let everything through.
        max_scopes: How many scopes have an allowance of their own; those beyond share one.
        clock: Where the time comes from; periods follow its wall clock.
        name: Name in paths, traces, errors and diagrams.

    Raises:
        ConfigurationError: An argument makes no sense, or (when run) *estimate* or *actual*
            returned something that is no amount.
        BudgetExceededError: (when run) not enough is left. `retry_after` is the number of seconds
            to the next period, or None where that would not help.
    """

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        *,
        limit: float = 5.00,
        unit: Unit = "usd",
        per: Per = "day",
        scope: Callable[[Any, WorkflowContext], Hashable] | None = None,  # Any: In of every step
        estimate: Callable[[Any, WorkflowContext], float | None] | None = None,
        actual: Callable[[Any, Any], float | None] | None = None,
        unpriced: Literal["allow", "reject"] = "allow",
        hard: bool = True,
        shadow: bool = False,
        max_scopes: int = 10_000,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        self._measure = Measure(unit)
        _check(limit, per, unpriced, max_scopes)
        self._per = per
        self._ledger = Ledger(
            self._measure.whole(limit, "limit"), per, max_scopes, reserves=estimate is not None
        )
        if not self._ledger.limit:
            msg = f"limit {limit!r} is less than the smallest amount counted; raise it"
            raise ConfigurationError(msg)
        self._scope, self._estimate = scope, estimate
        self._actual = actual or self._measure.read_off
        self._strict = unpriced == "reject"
        self._shadow, self._lenient = shadow, shadow or not hard
        self._now = clock.time

    if TYPE_CHECKING:  # what it wraps keeps its types

        def wrap(self, primitive: Step[X, Y]) -> BudgetPrimitive[X, Y]: ...  # noqa: D102
        def __call__(self, primitive: Step[X, Y]) -> BudgetPrimitive[X, Y]: ...  # noqa: D102

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step if enough is left, and count what it cost."""
        primitive, reserved = self._primitive or self.primitive, 0
        scope = None if self._scope is None else self._scope(input_data, context)
        account = self._ledger.account(scope, self._now())
        if len(account.arrived) >= account.room or observe.active is not None:
            reserved = self._admit(account, input_data, context)
        try:
            value = await primitive.execute(input_data, context)
        except BaseException:
            self._ledger.release(account, reserved)
            raise
        self._settle(account, reserved, value, input_data)
        return value

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step if enough is left; the chunks are kept to price the whole."""
        primitive = self.primitive
        scope = None if self._scope is None else self._scope(input_data, context)
        account = self._ledger.account(scope, self._now())
        reserved = self._admit(account, input_data, context)
        taken: list[Any] = []
        try:
            async with contextlib.aclosing(primitive.stream(input_data, context)) as chunks:
                async for chunk in chunks:
                    taken.append(chunk)
                    yield chunk
            whole = join_chunks(taken)
        except BaseException:
            self._settle_cut(account, reserved, taken, input_data)
            raise
        self._settle(account, reserved, whole, input_data)

    def spent(self, scope: Hashable = None) -> float:
        """Return what *scope* has spent in the current period."""
        return self._balance(scope).spent

    def reserved(self, scope: Hashable = None) -> float:
        """Return what calls of *scope* under way in the current period have reserved."""
        return self._balance(scope).reserved

    def remaining(self, scope: Hashable = None) -> float:
        """Return what *scope* has left; negative where calls cost more than was left."""
        return self._balance(scope).remaining

    def report(self) -> dict[Hashable, Balance]:
        """Return the state of every scope seen in the current period; None is the scope of all."""
        ledger, scale = self._ledger, self._measure.scale
        accounts = ledger.accounts(self._now())
        return {scope: ledger.balance(account, scale) for scope, account in accounts.items()}

    def forget(self, scope: Hashable = None) -> None:
        """Begin anew with *scope*, for those that are over, such as a workflow.

        Calls of the scope that are under way are not counted any more.
        """
        self._ledger.forget(scope)

    def _admit(self, account: Account, input_data: In, context: WorkflowContext) -> int:
        """Return what is reserved for the call, or refuse it."""
        reserved, unpriced = 0, False
        if self._estimate is not None:
            amount = self._estimate(input_data, context)
            if amount is None:
                unpriced = self._strict
            else:
                reserved = self._measure.whole(amount, "estimate")
        fits = not unpriced and self._ledger.reserve(account, reserved, self._lenient)
        if unpriced:
            self._ledger.count_exceeded(account)
        if not fits or observe.active is not None:
            self._note(account, reserved, fits=fits)
        if not fits and not self._lenient:
            raise self._refusal(account, reserved, unpriced=unpriced)
        return reserved

    def _note(self, account: Account, reserved: int, *, fits: bool) -> None:
        """Tell the observers what was decided, and the log when a soft limit is passed."""
        if observe.active is not None:
            refused = not fits and not self._lenient
            shadowed = not fits and self._shadow
            observe.report(
                observe.BudgetRecord(
                    name=self.label,
                    scope=account.label,
                    unit=self._measure.unit,
                    reserved=reserved / self._measure.scale,
                    remaining=self._ledger.balance(account, self._measure.scale).remaining,
                    result="rejected" if refused else "shadow" if shadowed else "allowed",
                ),
                outcome="rejected" if refused else None,
            )
        if not fits and self._lenient and not self._shadow and not account.warned:
            account.warned = True
            _logger.warning("%s goes on beyond its limit", self._state(account))

    def _settle(self, account: Account, reserved: int, value: object, input_data: In) -> None:
        try:
            amount = self._actual(value, input_data)
            spent = None if amount is None else self._measure.whole(amount, "actual")
        except BaseException:  # the answer was paid for, whatever the function makes of it
            self._ledger.settle_unpriced(account, reserved, close=False)
            raise
        if spent is None:
            self._ledger.settle_unpriced(account, reserved, close=self._strict)
        else:
            self._ledger.settle(account, reserved, spent)

    def _settle_cut(
        self,
        account: Account,
        reserved: int,
        taken: list[Any],  # Any: chunks of any kind
        input_data: In,
    ) -> None:
        """Count a stream that did not come to its end; raises nothing in place of its error."""
        if not taken:
            self._ledger.release(account, reserved)
            return
        spent = None
        try:
            amount = self._actual(join_chunks(taken), input_data)
            spent = None if amount is None else self._measure.whole(amount, "actual")
        except Exception as error:  # logged, and the stream's own error goes on
            _logger.warning("the cost of a stream cut short could not be told", exc_info=error)
        if spent is None:
            self._ledger.settle_unpriced(account, reserved, close=False)
        else:
            self._ledger.settle(account, reserved, spent)

    def _balance(self, scope: Hashable) -> Balance:
        account = self._ledger.look_up(scope, self._now())
        return self._ledger.balance(account, self._measure.scale)

    def _refusal(self, account: Account, asked: int, *, unpriced: bool) -> BudgetExceededError:
        """Return the error for a call that is not let in."""
        state, wait = self._state(account), account.until - self._now()
        retry_after = None if math.isinf(wait) else wait
        next_move = "raise limit="
        if unpriced:
            reason, retry_after = "has no price for this call", None
            next_move = "let estimate= return one"
        elif account.closed:
            reason = "had an answer without a price"
            next_move = "let actual= return one"
        elif asked > self._ledger.limit:
            reason, retry_after = f"can never pay {self._measure.shown(asked)} for one call", None
        elif asked:
            reason = f"cannot pay {self._measure.shown(asked)} more"
        else:
            reason = "is used up"
        if retry_after is not None:
            next_move += f", or wait {retry_after:.0f} s for the next period"
        return BudgetExceededError(f"{state} {reason}; {next_move}", retry_after=retry_after)

    def _state(self, account: Account) -> str:
        """Describe the account, as the subject of a sentence."""
        of = f" of {account.label!r}" if account.label else ""
        per = f"{self._per:g} s" if isinstance(self._per, int | float) else self._per
        every = "" if per is None else f" per {per}"
        spent, reserved = self._ledger.committed(account)
        shown = self._measure.shown
        return (
            f"{self.label}{of} ({shown(self._ledger.limit)}{every}, {shown(spent)} spent, "
            f"{shown(reserved)} reserved)"
        )


def _check(limit: float, per: Per, unpriced: str, max_scopes: int) -> None:
    """Refuse arguments that cannot work."""
    if not 0 < limit < math.inf:
        msg = f"limit must be positive and finite, got {limit!r}"
        raise ConfigurationError(msg)
    if isinstance(per, str):
        known = per in ("hour", "day", "month")
    else:
        known = per is None or 1 <= per < math.inf
    if not known:
        msg = f"per must be 'hour', 'day', 'month', at least 1 second, or None, got {per!r}"
        raise ConfigurationError(msg)
    if unpriced not in ("allow", "reject"):
        msg = f"unpriced must be 'allow' or 'reject', got {unpriced!r}"
        raise ConfigurationError(msg)
    if max_scopes < 1:
        msg = f"max_scopes must be 1 or more, got {max_scopes!r}"
        raise ConfigurationError(msg)
