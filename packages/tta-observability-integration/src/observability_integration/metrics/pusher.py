"""Send metrics again and again, from a thread of its own."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Final, Protocol

# Which of these keys an instrumentation of an HTTP client looks at depends on its age.
from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]
    Context,
    attach,
)

from .otlp import metrics_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from .registry import Registry

INTERVAL_SECONDS: Final = 60.0
_VARIABLE: Final = "OTEL_METRIC_EXPORT_INTERVAL"
_UNSEEN: Final = Context(
    {
        _SUPPRESS_INSTRUMENTATION_KEY: True,
        _SUPPRESS_HTTP_INSTRUMENTATION_KEY: True,
        "suppress_instrumentation": True,
    }
)
_logger = logging.getLogger("observability_integration")


class MetricExporter(Protocol):
    """An exporter of the OpenTelemetry SDK, as far as it is used."""

    def export(self, metrics_data: MetricsData, /) -> MetricExportResult:
        """Send metrics."""
        ...

    def shutdown(self, timeout_millis: float = ...) -> None:
        """Stop, and give up what is being sent."""
        ...


class MetricPusher:
    """Hand a registry's metrics to an exporter of the OpenTelemetry SDK at intervals.

    Exports never run at the same time. One that fails is told in the log once, and once more when
    exports succeed again; nothing is lost by it, as each export tells everything since the start.
    The exporter's own requests make no spans. After a fork the child sends for itself.

    Args:
        registry: What is sent.
        exporter: Where to; shut down with this.
        resource: The process that it is told of.
        scope: Whose metrics they are.
        interval_seconds: Between exports; None asks `OTEL_METRIC_EXPORT_INTERVAL` (milliseconds),
            else a minute.
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
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        if interval_seconds is None:
            interval_seconds = _interval(environ)
        if not interval_seconds > 0:
            msg = f"interval_seconds must be more than 0, got {interval_seconds!r}"
            raise ValueError(msg)
        self._registry, self._exporter = registry, exporter
        self._resource, self._scope, self._interval = resource, scope, interval_seconds
        self._raised = ""
        self._begin()
        _pushers.add(self)

    def flush(self, timeout_seconds: float = 2.0) -> bool:
        """Export now, and return False where that failed or took longer.

        Args:
            timeout_seconds: The longest that this takes.
        """
        with self._changed:
            if self._closing:
                return False
            self._wanted += 1
            wanted = self._wanted
            self._changed.notify_all()
            over = self._changed.wait_for(lambda: self._done >= wanted, timeout_seconds)
            return over and not self._failing

    def shutdown(self, timeout_seconds: float = 2.0) -> None:
        """Export once more and stop; a second call does nothing.

        An exporter that does not come back is shut down while it works, and left.

        Args:
            timeout_seconds: The longest that this takes.
        """
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        until = time.monotonic() + timeout_seconds
        self._thread.join(timeout_seconds)
        if self._thread.is_alive():
            self._given_up = True
            _logger.warning(
                "the last metrics were not sent within %.2g seconds; given up", timeout_seconds
            )
        self._exporter.shutdown(timeout_millis=max(0.0, until - time.monotonic()) * 1000)

    def begin_anew(self) -> None:
        """Begin a thread in the child of a fork, where the old one is not."""
        if not self._closing:
            self._begin()

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._wanted = self._done = 0
        self._closing = self._given_up = False
        self._failing: bool = False
        self._thread = threading.Thread(target=self._run, name="tta-metrics", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        attach(_UNSEEN)  # for the life of this thread
        closing = False
        while not closing:
            with self._changed:
                self._changed.wait_for(self._due, min(self._interval, threading.TIMEOUT_MAX))
                closing, wanted = self._closing, self._wanted
            failing = not self._export()
            if failing != self._failing or (failing and closing):
                self._tell(failing=failing, closing=closing)
            with self._changed:
                self._done, self._failing = wanted, failing
                self._changed.notify_all()

    def _due(self) -> bool:
        return self._closing or self._wanted > self._done

    def _export(self) -> bool:
        from opentelemetry.sdk.metrics.export import MetricExportResult

        try:
            data = metrics_data(self._registry, self._resource, self._scope)
            if not data.resource_metrics[0].scope_metrics:
                return True
            return self._exporter.export(data) is MetricExportResult.SUCCESS
        except Exception as error:  # noqa: BLE001 - told in the log; the next export may succeed
            self._raised = type(error).__name__
            return False

    def _tell(self, *, failing: bool, closing: bool) -> None:
        if not failing:
            _logger.info("metrics are sent again")
            return
        why = f" ({self._raised})" if self._raised else ""
        if closing:
            if not self._given_up:  # else that was told
                _logger.warning("the last metrics could not be sent%s", why)
            return
        _logger.warning(
            "metrics could not be sent%s; they are sent again in %g seconds", why, self._interval
        )


def _interval(environ: Mapping[str, str]) -> float:
    """Return the seconds that the environment asks for."""
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


_pushers: weakref.WeakSet[MetricPusher] = weakref.WeakSet()


def _after_fork() -> None:
    for pusher in list(_pushers):
        pusher.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
