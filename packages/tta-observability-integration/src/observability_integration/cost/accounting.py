"""Follow what a run costs while it runs."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, cast

from observability_integration.metrics.instruments import RETRY_WASTED_COST
from observability_integration.spans.describe import own_class
from tta_dev_primitives import ObservabilityPrimitive
from tta_dev_primitives.core import observe

from .account import Account
from .book import CostBook
from .report import CostReport, CostShare

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

    from observability_integration.metrics.instrument import CellSource
    from tta_dev_primitives import WorkflowContext, WorkflowPrimitive

__all__ = ["Account", "CostBook", "CostObserver", "CostReport", "CostShare"]


class CostObserver(ObservabilityPrimitive):
    """Add up what calls cost, waste and save while it is installed with `observe(observer)`.

    What counts as wasted is defined in `cost.account`. Prices are those that the primitives report
    with each answer. Calls may come from several event loops and threads at once.

    Args:
        cells: Where what retries wasted is counted too; None for nowhere.
    """

    def __init__(self, cells: CellSource | None = None) -> None:
        self._book, self._cells = CostBook(), cells
        # One for each observer, so that two of them do not take each other's calls for their own.
        self._running: ContextVar[_Call | None] = ContextVar("tta_cost_call", default=None)

    def report(self) -> CostReport:
        """Return what was spent, wasted and saved so far."""
        return self._book.report()

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: an observer sees every kind
        path: str,
        context: WorkflowContext,
    ) -> object:
        """Open the account of a call."""
        above = self._running.get()
        call = _Call(self._book, path, above)
        call.name = primitive.label
        if above is not None:
            if above.branches is not None:
                above.branches.append(call)
            elif above.tries_again:
                self._blame(above, above.drop())
        if own_class(type(primitive)) == "HedgePrimitive":
            call.race()
        return call

    def end(self, token: object, outcome: observe.Outcome, error: BaseException | None) -> None:
        """Close the account of a call."""
        call = cast("_Call", token)
        failed = error is not None and not isinstance(error, GeneratorExit)
        call.end(call.above, failed=failed)
        call.above = None

    def event(self, token: object, record: object) -> None:
        """Count what *record* tells of money."""
        take = _TAKEN.get(type(record))
        if take is not None:
            call = cast("_Call", token)
            self._blame(call, take(call, record))

    def resume(self, token: object) -> object:
        """Make the call the one that others are made by in this task."""
        return self._running.set(cast("_Call", token))

    def pause(self, token: object, resumed: object) -> None:
        """Undo `resume`."""
        try:
            self._running.reset(cast("Token[_Call | None]", resumed))
        except ValueError:
            # An abandoned call is closed in the context of whoever collects it, where it never
            # was the running one: nothing to undo.
            return

    def _blame(self, retry: _Call, usd: float) -> None:
        if usd and self._cells is not None:
            self._cells.cell(RETRY_WASTED_COST, retry.name).add(usd)


class _Call(Account):
    """The account of a call, and where the call stands."""

    __slots__ = ("above", "asked", "name", "path", "tries_again")

    def __init__(self, book: CostBook, path: str, above: _Call | None) -> None:
        # Written out: a call of `Account.__init__` would cost as much again.
        self.book, self.path, self.above = book, path, above
        self.open = self.lost = self.branches = None
        self.is_dropped = self.asked = self.tries_again = False
        self.name = ""


# Each returns US dollars that a retry is to blame for.


def _asks(call: _Call, record: observe.LLMRequestRecord) -> float:
    call.asked = True
    call.book.asked(call.book.source(record.request_model, call.path))
    return 0.0


def _answers(call: _Call, record: observe.LLMRecord) -> float:
    source = call.book.source(record.request_model, call.path)
    if not call.asked:  # by a primitive that tells only of its answers
        call.book.asked(source)
    call.asked = False
    call.paid(source, record.cost)
    return 0.0


def _tries_again(call: _Call, _: observe.RetryScheduledRecord) -> float:
    # If it does: after its wait the time may be up, and then what it has is its result.
    call.tries_again = True
    return 0.0


def _gives_up(call: _Call, record: observe.RetryRecord) -> float:
    return call.drop_lost() if record.exhausted else 0.0


def _goes_on(call: _Call, _: observe.FallbackRecord) -> float:
    call.drop()
    return 0.0


def _is_decided(call: _Call, record: observe.HedgeRecord) -> float:
    call.decided(record.winner)
    return 0.0


def _reuses(call: _Call, record: observe.CacheRecord) -> float:
    if record.saved_cost and record.result in ("hit", "stale", "coalesced"):
        call.book.saved(call.path, record.saved_cost)
    return 0.0


_TAKEN: Final[dict[type, Callable[[_Call, Any], float]]] = {  # Any: each takes its own record
    observe.CacheRecord: _reuses,
    observe.FallbackRecord: _goes_on,
    observe.HedgeRecord: _is_decided,
    observe.LLMRecord: _answers,
    observe.LLMRequestRecord: _asks,
    observe.RetryRecord: _gives_up,
    observe.RetryScheduledRecord: _tries_again,
}
