"""Send metrics again and again, collected in a thread of its own."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Final, Protocol

from observability_integration.forking import tell_of_forks

from .deltas import Deltas
from .otlp import metrics_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from .registry import Registry

INTERVAL_SECONDS: Final = 60.0
_VARIABLE: Final = "OTEL_METRIC_EXPORT_INTERVAL"
_logger = logging.getLogger("observability_integration")


class MetricExporter(Protocol):
    """An exporter of the OpenTelemetry SDK that delivers in its own time."""

    def export(self, metrics_data: MetricsData, /) -> object:
        """Take metrics, and wait for no network."""
        ...

    def force_flush(self, timeout_millis: float = ...) -> bool:
        """Deliver what waits; False when the time was up."""
        ...

    def shutdown(self, timeout_millis: float = ...) -> None:
        """Deliver what waits, and stop."""
        ...

    def after_fork(self) -> None:
        """Begin with nothing in a forked process."""
        ...


class MetricPusher:
    """Hand a registry's metrics to an exporter at intervals.

    Exports never run at the same time. The exporter tells of trouble with the collector; what is
    told here is that nothing could be collected, once until it can be. After a fork the child sends
    for itself.

    Args:
        registry: What is sent.
        exporter: Where to; shut down with this.
        resource: The process that it is told of.
        scope: Whose metrics they are.
        interval_seconds: Between exports; None asks `OTEL_METRIC_EXPORT_INTERVAL` (milliseconds),
            else a minute.
        deltas: Whether each export tells what was added since the last, and not all since the
            start.
        environ: Where the variable is read.
    """

    def __init__(
        self,
        registry: Registry,
        exporter: MetricExporter,
        resource: Resource,
        scope: InstrumentationScope,
        *,
        interval_seconds: float | None = None,
        deltas: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        if interval_seconds is None:
            interval_seconds = export_interval(environ)
        if not interval_seconds > 0:
            msg = f"interval_seconds must be more than 0, got {interval_seconds!r}"
            raise ValueError(msg)
        self._registry, self._exporter = registry, exporter
        self._resource, self._scope, self._interval = resource, scope, interval_seconds
        self._deltas = Deltas() if deltas else None
        self._begin()
        tell_of_forks(self)

    def flush(self, timeout_seconds: float = 2.0) -> bool:
        """Export now, and return False where not all was delivered in time.

        Args:
            timeout_seconds: The longest that this takes.
        """
        until = time.monotonic() + timeout_seconds
        with self._changed:
            if self._closing:
                return False
            self._wanted += 1
            wanted = self._wanted
            self._changed.notify_all()
            over = self._changed.wait_for(lambda: self._done >= wanted, timeout_seconds)
        return over and not self._failing and self._exporter.force_flush(_milliseconds_to(until))

    def shutdown(self, timeout_seconds: float = 2.0) -> None:
        """Export once more and stop; a second call does nothing.

        Args:
            timeout_seconds: The longest that this takes; then what was not delivered is given up.
        """
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        until = time.monotonic() + timeout_seconds
        self._thread.join(timeout_seconds)
        if self._thread.is_alive():
            _logger.warning(
                "the last metrics were not collected within %.2g seconds; given up",
                timeout_seconds,
            )
        self._exporter.shutdown(_milliseconds_to(until))

    def after_fork(self) -> None:
        """Begin a thread in the child of a fork, where the old one is not."""
        if not self._closing:
            self._exporter.after_fork()
            self._begin()

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._wanted = self._done = 0
        self._closing = False
        self._failing: bool = False
        self._thread = threading.Thread(target=self._run, name="tta-collection", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        closing = False
        while not closing:
            with self._changed:
                self._changed.wait_for(self._due, min(self._interval, threading.TIMEOUT_MAX))
                closing, wanted = self._closing, self._wanted
            failing = not self._export()
            with self._changed:
                self._done, self._failing = wanted, failing
                self._changed.notify_all()

    def _due(self) -> bool:
        return self._closing or self._wanted > self._done

    def _export(self) -> bool:
        try:
            data = metrics_data(self._registry, self._resource, self._scope)
            if self._deltas is not None:
                data = self._deltas.since_last(data)
            if data.resource_metrics[0].scope_metrics:
                self._exporter.export(data)
        except Exception as error:  # noqa: BLE001 - told in the log; the next time may succeed
            if not self._failing:
                _logger.warning("metrics could not be collected (%s)", type(error).__name__)
            return False
        return True


def export_interval(environ: Mapping[str, str] = os.environ) -> float:
    """Return the seconds between exports: those that *environ* asks for, else a minute."""
    text = environ.get(_VARIABLE, "").strip()
    if not text:
        return INTERVAL_SECONDS
    try:
        seconds = float(text) / 1000
    except ValueError:
        seconds = 0.0
    if seconds > 0:
        return seconds
    _logger.warning(
        "%s must be milliseconds, more than 0, got %r; metrics are sent every %g seconds",
        _VARIABLE,
        text,
        INTERVAL_SECONDS,
    )
    return INTERVAL_SECONDS


def _milliseconds_to(until: float) -> float:
    return max(0.0, until - time.monotonic()) * 1000
