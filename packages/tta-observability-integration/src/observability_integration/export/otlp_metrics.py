"""Send metrics to a collector or backend, as OTLP over HTTP."""

from __future__ import annotations

import itertools
import logging
import os
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from observability_integration.metrics.sendable import sendable_metrics

from .delivery import GIVE_UP_SECONDS, MOST_POSTED_BYTES, MOST_WAITING_BYTES, HTTPDelivery
from .delivery_requests import RequestsTransport
from .delivery_settings import SettingsReader
from .otlp_preferences import metric_preferences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.metrics.export import Metric

    from .delivery_answers import Transport
    from .delivery_settings import DeliverySettings

METRICS_PATH: Final = "/v1/metrics"
_logger = logging.getLogger("observability_integration")


class OTLPMetricExporter(MetricExporter):
    """Encode metrics, and let a thread of its own deliver them.

    Readers of the SDK can have it, and whatever else has metrics in the SDK's form. `export` waits
    for no network, and what a collector does not take at once is posted again, in order. What a
    setting is where it is left out, `OTEL_EXPORTER_OTLP_METRICS_*` says, else
    `OTEL_EXPORTER_OTLP_*`.

    Args:
        endpoint: Base address of a collector, for example `http://localhost:4318`, which is also
            what is taken where nothing names one; or a whole address that ends in the path of a
            signal, which is replaced by `/v1/metrics`.
        headers: Sent with every request; never logged.
        timeout_seconds: Longest wait for a connection, and for an answer; 10 by default.
        max_waiting_bytes: Most bytes of encoded metrics that wait for the collector; beyond it the
            oldest are dropped.
        give_up_seconds: Longest time that metrics wait for a collector to be well.
        environ: Where the variables are read.
        open_transport: Makes what posts, from the settings.
        clock: Monotonic seconds.
        sleep: Waits so many seconds before metrics are posted again; a wait that `shutdown`
            interrupts when left out.
        random: Numbers from 0 to below 1, for the waits.

    Attributes:
        exported: Data points that the collector took.
        dropped: Data points that it will never have.
        deltas: Whether the environment prefers to be told what was added since the last time.

    Raises:
        ValueError: A setting cannot be used.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        max_waiting_bytes: int = MOST_WAITING_BYTES,
        give_up_seconds: float = GIVE_UP_SECONDS,
        environ: Mapping[str, str] = os.environ,
        open_transport: Callable[[DeliverySettings], Transport] = RequestsTransport,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        preferences = metric_preferences(environ)
        super().__init__(preferences.temporality, preferences.aggregation)
        self.deltas = preferences.deltas
        self.exported = self.dropped = 0
        self._told = False
        settings = SettingsReader("METRICS", METRICS_PATH, environ).read(
            endpoint=endpoint, headers=headers, timeout_seconds=timeout_seconds
        )
        self._delivery = HTTPDelivery(
            settings,
            self._count,
            what="metrics",
            max_waiting_bytes=max_waiting_bytes,
            give_up_seconds=give_up_seconds,
            open_transport=open_transport,
            clock=clock,
            sleep=sleep,
            random=random,
        )

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **kwargs: Any,  # Any: as the SDK has it
    ) -> MetricExportResult:
        """Put metrics into the outbox; one that cannot be encoded is dropped, and told once.

        Args:
            metrics_data: Taken at one moment.
            timeout_millis: Not needed: this waits for nobody.
            **kwargs: As the SDK has it.
        """
        self._offer(sendable_metrics(metrics_data))
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Deliver what waits, and return False when the time was up before all of it was.

        Args:
            timeout_millis: The longest that this takes, in milliseconds.
        """
        return self._delivery.flush(timeout_millis / 1000)

    def shutdown(
        self,
        timeout_millis: float = 30_000,
        **kwargs: Any,  # Any: as the SDK has it
    ) -> None:
        """Deliver what waits and stop; what is left when the time is up counts as dropped.

        Args:
            timeout_millis: The longest that this takes, in milliseconds.
            **kwargs: The SDK's reader calls the same thing `timeout`.
        """
        self._delivery.shutdown(max(0.0, kwargs.get("timeout", timeout_millis)) / 1000)

    def after_fork(self) -> None:
        """Begin with nothing in a forked process: what waits is its parent's to deliver."""
        self.exported = self.dropped = 0
        self._delivery.after_fork()

    def _offer(self, data: MetricsData) -> None:
        """Encode *data* and offer it; what is too big, or cannot be encoded, is halved."""
        points = sum(len(metric.data.data_points) for metric in _metrics(data))
        try:
            encoded = encode_metrics(data).SerializeToString()
        except Exception as error:  # noqa: BLE001 - told by its type: its text has the metric in it
            if not self._offer_halves(data):
                self._tell_unfit(error)
                self._delivery.refuse(points)
            return
        if len(encoded) > MOST_POSTED_BYTES and self._offer_halves(data):
            return
        if points:
            self._delivery.offer(encoded, points)

    def _offer_halves(self, data: MetricsData) -> bool:
        """Offer both halves of *data*, or return False where it is one metric or none."""
        metrics = len(_metrics(data))
        middle = metrics // 2
        if not middle:
            return False
        self._offer(_part(data, range(middle)))
        self._offer(_part(data, range(middle, metrics)))
        return True

    def _count(self, arrived: int, lost: int) -> None:
        self.exported += arrived
        self.dropped += lost

    def _tell_unfit(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            _logger.warning(
                "a metric was dropped: it cannot be encoded (%s). This is told once",
                type(error).__name__,
            )


def _part(data: MetricsData, wanted: range) -> MetricsData:
    """Return those metrics of *data* whose numbers are *wanted*, counted from 0."""
    number = itertools.count()
    return MetricsData(
        [
            replace(
                resource,
                scope_metrics=[
                    replace(scope, metrics=metrics)
                    for scope in resource.scope_metrics
                    if (metrics := [each for each in scope.metrics if next(number) in wanted])
                ],
            )
            for resource in data.resource_metrics
        ]
    )


def _metrics(data: MetricsData) -> list[Metric]:
    return [
        metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]
