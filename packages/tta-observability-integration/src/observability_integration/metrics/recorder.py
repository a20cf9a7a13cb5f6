"""What a call counts when it begins and ends; what it reports is counted in `reports`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from observability_integration.spans.describe import is_model_call, own_class, request_model

from . import instruments
from .breakers import BreakerStates
from .cells import NumberCell
from .ended_calls import EndedCalls
from .model_calls import ModelCalls
from .model_instruments import INVOKE_WORKFLOW_DURATION
from .registry import Registry
from .reports import COUNTED, MEASURED
from .watched import Watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from observability_integration.spans.light_span import LightSpan
    from tta_dev_primitives import WorkflowPrimitive

    from .instrument import CellSource


class Recorder:
    """Make what counts the calls of a place.

    Args:
        source: Where cells come from.
        priced_later: Whether somebody else prices the answers that come without a cost, and counts
            those whose price is not known.

    Attributes:
        source: As above.
        priced_later: As above.
        breakers: The states of circuit breakers, which may stand in several places.
        ended: Takes calls that ended, to be counted later; None where the source is not ours.
    """

    def __init__(self, source: CellSource, *, priced_later: bool = False) -> None:
        self.source = source
        self.breakers = BreakerStates(source)
        self._watched = Watched(source)
        self.ended: EndedCalls | None = None
        if isinstance(source, Registry):
            self.ended = EndedCalls()
            source.before_collecting(self.ended.count)
        self.priced_later = priced_later

    def place(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: every kind is counted
        path: str,
        *,
        root: bool = False,
    ) -> PlaceMetrics:
        """Return what counts the calls of *primitive* at *path*; made once for a place, and kept.

        Args:
            primitive: What stands there; it is not kept alive.
            path: The way to it from the root.
            root: Whether it is a whole workflow.
        """
        kind = own_class(type(primitive))
        if kind == "CachePrimitive":
            self._watched.add_cache(primitive)
        elif kind == "BulkheadPrimitive":
            self._watched.add_queue(primitive)
        model = None
        if is_model_call(primitive):
            provider = getattr(primitive, "provider", "")
            asks_for = request_model(primitive)
            model = ModelCalls(
                self.source, path, provider, asks_for, priced_later=self.priced_later
            )
        return PlaceMetrics(
            self, type(primitive).__name__, primitive.label, path, model, workflow=root
        )


class PlaceMetrics:
    """Count the calls of one place, in cells that are bound to it.

    `began` and `ended` are on the path of every call: together some 200 ns with cells of a
    registry. They may be called in any thread.

    Args:
        recorder: Who made it.
        kind: The class of the primitive.
        name: Its label.
        path: The way to it from the root.
        model: Counts calls of models; None for other primitives.
        workflow: Whether calls of it are whole workflows.

    Attributes:
        source: Where cells come from.
        breakers: The states of circuit breakers.
        name: As above.
        path: As above.
        model: As above.
        active: The cell of the calls under way, where adding to it needs no lock.
        began: Counts a call under way.
    """

    __slots__ = (
        "_concludes",
        "_durations",
        "_ended",
        "_kind",
        "_priced_later",
        "_workflow",
        "active",
        "began",
        "breakers",
        "cache_requests",
        "model",
        "name",
        "path",
        "source",
    )

    def __init__(
        self,
        recorder: Recorder,
        kind: str,
        name: str,
        path: str,
        model: ModelCalls | None,
        *,
        workflow: bool,
    ) -> None:
        self.source, self.breakers = recorder.source, recorder.breakers
        self._priced_later = recorder.priced_later
        self._kind, self.name, self.path, self.model = kind, name, path, model
        self._workflow = workflow and model is None
        self._concludes = self._workflow or model is not None
        # Bound methods, as looking them up would cost a third of a call.
        active = self.source.cell(instruments.PRIMITIVE_ACTIVE, kind, name)
        self.active = active if type(active) is NumberCell else None
        self._ended: Callable[[float], None] = active.add
        self.began: Callable[[], None] = active.add
        self._durations: dict[str, Callable[[float, LightSpan | None], None]] = {}
        self.cache_requests: dict[str, Callable[[], None]] = {}

    def ended(
        self,
        outcome: str,
        seconds: float,
        span: LightSpan | None = None,
        error_type: str | None = None,
    ) -> None:
        """Count a call that is over.

        Args:
            outcome: How it ended.
            seconds: How long it took.
            span: The span of the call, an example of its duration.
            error_type: What it failed with; left out, the span is asked.
        """
        self._ended(-1)
        try:
            record = self._durations[outcome]
        except KeyError:
            record = self._open(outcome)
        record(seconds, span)
        if self._concludes:
            if error_type is None and span is not None:
                error_type = span.error_type
            self._conclude(outcome, seconds, span, error_type)

    def record(self, record: object, span: LightSpan | None = None) -> None:
        """Count what *record* tells; one of an unknown kind counts nothing.

        Args:
            record: What the primitive reported.
            span: The span of the call that it is about.
        """
        kind = type(record)
        count = COUNTED.get(kind)
        if count is not None:
            count(self, record)
            return
        measure = MEASURED.get(kind)
        if measure is not None:
            measure(self, record, span)

    def wasted(self, usd: float) -> None:
        """Count what attempts below cost whose answers were thrown away.

        Args:
            usd: US dollars that were not counted as wasted before.
        """
        self.source.cell(instruments.RETRY_WASTED_COST, self.name).add(usd)

    def model_calls(self) -> ModelCalls:
        """Return what counts answers of models that are reported at this place."""
        if self.model is None:
            # A step of the user's own that asks a model and reports as the adapters do.
            self.model = ModelCalls(self.source, self.path, priced_later=self._priced_later)
        return self.model

    def _open(self, outcome: str) -> Callable[[float, LightSpan | None], None]:
        cell = self.source.cell(instruments.PRIMITIVE_DURATION, self._kind, self.name, outcome)
        self._durations[outcome] = cell.record
        return cell.record

    def _conclude(
        self, outcome: str, seconds: float, span: LightSpan | None, error_type: str | None
    ) -> None:
        if self._workflow:
            cell = self.source.cell(INVOKE_WORKFLOW_DURATION, self.name, error_type)
            cell.record(seconds, span)
        elif outcome in ("error", "timeout"):
            self.model_calls().failed(seconds, error_type or outcome, span)
