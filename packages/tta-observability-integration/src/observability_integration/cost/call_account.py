"""The accounts of calls that have spans: which attempt comes next, and what was for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from observability_integration.semconv import names as semconv
from observability_integration.spans.call_span import FIRST_ATTEMPT
from tta_dev_primitives.core import observe

from .account import Account
from .book import CostBook

if TYPE_CHECKING:
    from collections.abc import Callable

    from observability_integration.spans.call_span import CallSpan


class CallAccount(Account):
    """What is remembered of a call until it ends.

    Attributes:
        failed_attempts: Of a retry: how many attempts have failed so far.
        retry_delay: Of a retry: seconds to wait before the next one.
    """

    __slots__ = ("failed_attempts", "retry_delay")

    def __init__(self, book: CostBook) -> None:
        super().__init__(book)
        self.failed_attempts = 0
        self.retry_delay = 0.0


class CallAccounts:
    """Keep the accounts of calls, made only for those that need one.

    What retries waste is counted in the cells of their place. What counts as wasted is defined in
    `cost.account`.
    """

    def __init__(self) -> None:
        self._book = CostBook()

    def begin(self, span: CallSpan, above: CallSpan) -> None:
        """Tell a call that begins below a retry or hedge its part there."""
        account = above.account
        if above.place.is_retry:
            if account is None:
                span.attempt = FIRST_ATTEMPT
            else:
                span.attempt = (account.failed_attempts + 1, account.retry_delay)
                if account.failed_attempts:
                    _blame(above, account.drop())
            return
        if account is None:
            account = above.account = CallAccount(self._book)
            account.race()
        if account.branches is not None:
            span.account = CallAccount(self._book)
            account.branches.append(span.account)

    def take(self, span: CallSpan, record: object) -> None:
        """Count what *record* tells of money and attempts."""
        take = _TAKEN.get(type(record))
        if take is not None:
            take(self, span, record)

    def end(self, span: CallSpan, account: CallAccount, *, failed: bool) -> None:
        """End a call, and hand on what it spent to the call above it."""
        above = span.above
        if above is None:
            account.end(None, failed=failed)
        elif above.account is not None or account.open or account.lost or account.branches:
            account.end(self.of(above), failed=failed)

    def of(self, span: CallSpan) -> CallAccount:
        """Return the account of a call."""
        account = span.account
        if account is None:
            account = span.account = CallAccount(self._book)
        return account

    def answered(self, span: CallSpan, record: observe.LLMRecord) -> None:
        """Count what an answer cost."""
        if record.cost:
            path = span.site.attributes.get(semconv.TTA_PRIMITIVE_PATH)
            source = self._book.source(record.request_model, cast("str", path))
            self.of(span).paid(source, record.cost)

    def attempt_failed(self, span: CallSpan, record: observe.RetryScheduledRecord) -> None:
        """Remember which attempt comes next; if it does, those so far were for nothing."""
        account = self.of(span)
        account.failed_attempts, account.retry_delay = record.attempt, record.delay

    def retry_ended(self, span: CallSpan, record: observe.RetryRecord) -> None:
        """Blame a retry that gives up for its last attempt."""
        if record.exhausted and span.account is not None:
            _blame(span, span.account.drop_lost())

    def went_on(self, span: CallSpan, _: object) -> None:
        """Count as wasted what was spent before an alternative is taken."""
        if span.account is not None:
            span.account.drop()

    def decided(self, span: CallSpan, record: observe.HedgeRecord) -> None:
        """End the race of a hedge; what its losers spent is in its own record."""
        if span.account is not None:
            span.account.decided(record.winner)


def _blame(retry: CallSpan, usd: float) -> None:
    if usd > 0 and retry.place.metrics is not None:
        retry.place.metrics.wasted(usd)


_TAKEN: Final[dict[type, Callable[[CallAccounts, CallSpan, Any], None]]] = {  # Any: own records
    observe.FallbackRecord: CallAccounts.went_on,
    observe.HedgeRecord: CallAccounts.decided,
    observe.LLMRecord: CallAccounts.answered,
    observe.RetryRecord: CallAccounts.retry_ended,
    observe.RetryScheduledRecord: CallAccounts.attempt_failed,
}
