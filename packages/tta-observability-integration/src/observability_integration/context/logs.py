"""Trace ids in log lines, so that one leads from a line to its trace and back.

`install_log_correlation` writes them into every record of the process, under the names that
OpenTelemetry's logging instrumentation uses. `TraceContextFilter` writes them into the records of
one handler as `trace_id` and `span_id`, and `add_trace_context` into structlog's events.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any, Final, Self

from .current import current_span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

_NO_ID: Final = "0"  # what OpenTelemetry's instrumentation writes where no span is current
_lock = threading.Lock()


class TraceContextFilter(logging.Filter):
    """Give each record of a handler `trace_id`, `span_id` and `service_name`.

    They are empty texts where no span is current, so a format may name them always. What a record
    has already is left as it is. It lets every record pass.

    Add it to a handler, not to a logger: a logger's filters do not see what its children log. At a
    handler that works in another thread, as those of `QueueListener`, install the correlation of
    the process too: then the ids are those of the moment the record was made.

    Args:
        service_name: Of this service; None for `OTEL_SERVICE_NAME`.
    """

    def __init__(self, service_name: str | None = None) -> None:
        super().__init__()
        self._service_name = _service_name(service_name)

    def filter(self, record: logging.LogRecord) -> bool:
        """Write the fields into *record*."""
        fields = vars(record)
        trace_id = span_id = ""
        if "trace_id" not in fields and "span_id" not in fields:
            trace_id, span_id = _ids_at(fields)
        fields.setdefault("trace_id", trace_id)
        fields.setdefault("span_id", span_id)
        fields.setdefault("service_name", self._service_name)
        return True


class LogCorrelation:
    """Undoes `install_log_correlation`; also a context manager."""

    def __init__(self, factory: _RecordFactory) -> None:
        self._factory = factory

    def remove(self) -> None:
        """Write nothing into records made from now on; a second call does nothing.

        The factory that was there before is put back. If somebody put another one on top of ours
        meanwhile, that stays, and ours below it does nothing any more.
        """
        with _lock:
            self._factory.writes = False
            factory = logging.getLogRecordFactory()
            if factory is self._factory:
                factory = self._factory.next_in_use()
                logging.setLogRecordFactory(factory)
            while isinstance(factory, _RecordFactory):  # so that removed ones cannot pile up
                factory.before = factory.next_in_use()
                factory = factory.before

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class _RecordFactory:
    """Makes records as *before* does, and writes into them which span was current."""

    def __init__(self, before: Callable[..., logging.LogRecord], service_name: str) -> None:
        self.before, self.writes = before, True
        self._service_name = service_name

    def next_in_use(self) -> Callable[..., logging.LogRecord]:
        """Return the factory below, without those of ours that were removed under others."""
        factory = self.before
        while isinstance(factory, _RecordFactory) and not factory.writes:
            factory = factory.before
        return factory

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # Any: logging's own
        record = self.before(*args, **kwargs)
        if self.writes:
            span = current_span()
            fields = vars(record)
            fields["otelTraceID"] = _NO_ID if span is None else f"{span.trace_id:032x}"
            fields["otelSpanID"] = _NO_ID if span is None else f"{span.span_id:016x}"
            fields["otelTraceSampled"] = span is not None and span.trace_flags.sampled
            fields["otelServiceName"] = self._service_name
        return record


def install_log_correlation(service_name: str | None = None) -> LogCorrelation:
    """Write the current span into every log record of this process, until it is removed.

    Records get `otelTraceID`, `otelSpanID`, `otelTraceSampled` and `otelServiceName`. They are not
    called `trace_id` and the like, because logging raises for a call such as
    `info(..., extra={"trace_id": ...})` when the record has that name already.

    Handlers, levels and formats stay as they are, whenever they are configured. Another record
    factory that is installed goes on to be called.

    Args:
        service_name: Of this service; None for `OTEL_SERVICE_NAME`.
    """
    with _lock:
        factory = _RecordFactory(logging.getLogRecordFactory(), _service_name(service_name))
        logging.setLogRecordFactory(factory)
    return LogCorrelation(factory)


def wants_log_correlation(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether `OTEL_PYTHON_LOG_CORRELATION` asks for trace ids in log records.

    OpenTelemetry's instrumentation configures the root logger as well then. That stays the app's.
    """
    return environ.get("OTEL_PYTHON_LOG_CORRELATION", "").strip().lower() == "true"


def add_trace_context(
    logger: object,
    method_name: str,
    event_dict: MutableMapping[str, Any],  # Any: structlog's events hold what users log
) -> MutableMapping[str, Any]:
    """Add `trace_id` and `span_id` of the current span to an event of structlog.

    A processor: put it among `structlog.configure(processors=[...])`, before the one that renders.
    An event that has one of them already, or that no span is current for, stays as it is.
    """
    del logger, method_name
    if "trace_id" not in event_dict and "span_id" not in event_dict:
        span = current_span()
        if span is not None:
            event_dict["trace_id"] = f"{span.trace_id:032x}"
            event_dict["span_id"] = f"{span.span_id:016x}"
    return event_dict


def _ids_at(fields: dict[str, Any]) -> tuple[str, str]:  # Any: what a record holds
    """Return the ids that the record factory wrote, else those of the current span."""
    if "otelTraceID" in fields and "otelSpanID" in fields:
        trace_id, span_id = str(fields["otelTraceID"]), str(fields["otelSpanID"])
        return ("", "") if trace_id == _NO_ID else (trace_id, span_id)
    span = current_span()
    return ("", "") if span is None else (f"{span.trace_id:032x}", f"{span.span_id:016x}")


def _service_name(given: str | None) -> str:
    return os.environ.get("OTEL_SERVICE_NAME", "") if given is None else given
