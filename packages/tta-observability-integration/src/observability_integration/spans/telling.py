"""Tell any OpenTelemetry span what a primitive reported: for tracers that are not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from observability_integration.semconv import names as semconv
from observability_integration.semconv.schema import DEFAULT_SCHEMA, Schema, rename
from tta_dev_primitives.core import observe

from .model_records import inference_name
from .records import is_event_only, record_attributes, record_event

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext

    from .content import ContentCapture


class Telling:
    """Sets on spans what `Resolver` makes of records, at once and on the path of the call.

    Args:
        schema: Which names attributes get.
        content: What becomes of what was said to models; None leaves it out.
    """

    def __init__(
        self, schema: Schema = DEFAULT_SCHEMA, content: ContentCapture | None = None
    ) -> None:
        self._schema: Schema = schema
        self._content = content if content is not None and content.mode.captures else None

    def tell(self, span: Span, record: object) -> None:
        """Set on *span* what *record* says; nothing when it is not recorded."""
        if not span.is_recording():
            return
        attributes = rename(record_attributes(record), self._schema)
        event = record_event(record)
        if event is not None:
            span.add_event(event, attributes)
        if not is_event_only(record):
            span.set_attributes(attributes)
        name = inference_name(record)
        if name is not None:
            span.update_name(name)
        if isinstance(record, observe.SagaStepRecord):
            record.marks[self] = span.get_span_context()
        elif isinstance(record, observe.SagaUndoRecord):
            step = None if record.undoes is None else record.undoes.marks.get(self)
            if step is not None:
                span.add_link(cast("SpanContext", step))
        elif isinstance(record, observe.LLMContentRecord) and self._content is not None:
            self._tell_content(span, self._content, record)

    def _tell_content(
        self, span: Span, content: ContentCapture, record: observe.LLMContentRecord
    ) -> None:
        told = content.attributes(record)
        if content.mode.on_span:
            span.set_attributes(told)
        if content.mode.on_event:
            span.add_event(semconv.EVENT_INFERENCE_DETAILS, told)
