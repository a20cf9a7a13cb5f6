"""The span of one primitive call, with what the observer must remember of the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .light_span import UNSET, LightSpan, SpanSite

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from observability_integration.cost.call_account import CallAccount
    from observability_integration.metrics.recorder import PlaceMetrics
    from tta_dev_primitives import WorkflowContext


FIRST_ATTEMPT: Final = (1, 0.0)
"""The attempt of a retry that nearly all are: its number and the seconds waited before it."""


class CallPlace:
    """What all calls of one primitive at one place have in common.

    Attributes:
        site: The same for spans.
        metrics: Its bound cells; None where nothing is measured.
        active: The cell of the calls under way, where adding needs no lock.
        is_retry: Whether the calls directly below are attempts.
        minds_calls: Whether the calls directly below are attempts, or race each other.
        is_hidden: Whether its calls get no span of their own.
    """

    __slots__ = ("active", "is_hidden", "is_retry", "metrics", "minds_calls", "site")

    def __init__(
        self,
        site: SpanSite,
        metrics: PlaceMetrics | None,
        *,
        is_retry: bool,
        is_hidden: bool,
        is_hedge: bool = False,
    ) -> None:
        self.site, self.metrics = site, metrics
        self.active = None if metrics is None else metrics.active
        self.is_retry, self.is_hidden = is_retry, is_hidden
        self.minds_calls = is_retry or is_hedge


class CallSpan(LightSpan):
    """The span of one primitive call.

    Attributes:
        place: What is known of its place.
        above: The call that it was made by; None at the root, and once it has ended.
        offset: What is added to the monotonic clock for unix time; the same in all of a trace.
        within: The OpenTelemetry context in which it is the current span, until it ends.
        run: The context of the workflow, on its root only.
        attempt: Of the attempt of a retry: its number and the seconds waited before it.
        account: Made for those calls that need it.
    """

    __slots__ = ("above", "account", "attempt", "offset", "place", "run", "within")

    def __init__(
        self,
        place: CallPlace,
        trace_id: int,
        span_id: int,
        parent_id: int,
        start_ns: int,
        deliver: Callable[[LightSpan], object] | None,
        above: CallSpan | None,
        offset: int,
    ) -> None:
        # All of `LightSpan` is written out here: a call of its `__init__` would cost as much.
        self.site = place.site
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.start_ns = start_ns
        self.deliver = deliver
        self.end_ns = 0
        self.outcome = self.records = self.details = self.error_type = self.trace_state = None
        self.status_code, self.parent_is_remote = UNSET, False
        self.account: CallAccount | None = None
        self.place, self.above, self.offset = place, above, offset
        self.within: Context | None = None
        self.run: WorkflowContext | None = None
        self.attempt: tuple[int, float] | None = None


class BegunCall(CallSpan):
    """A call span that is filled in by who makes it: without arguments it is made much faster."""

    __slots__ = ()
    if TYPE_CHECKING:

        def __init__(self) -> None: ...
    else:
        __init__ = object.__init__
