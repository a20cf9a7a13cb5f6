"""Send spans to a collector or backend, as OTLP over HTTP."""

from __future__ import annotations

import logging
import os
import random
import time
from typing import TYPE_CHECKING, Final

from observability_integration.encoding.traces import encode_traces

from .delivery import GIVE_UP_SECONDS, MOST_POSTED_BYTES, MOST_WAITING_BYTES, HTTPDelivery
from .delivery_requests import RequestsTransport, load_requests
from .delivery_settings import SettingsReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from observability_integration.spans.light_span import LightSpan

    from .delivery_answers import Transport
    from .delivery_settings import DeliverySettings

TRACES_PATH: Final = "/v1/traces"
_PACKAGE: Final = "tta-observability-integration"
_logger = logging.getLogger("observability_integration")


class OTLPSpanExporter:
    """Encode spans, and let a thread of its own deliver them.

    Every span that was given to `export` is counted in `exported` or in `dropped` by the end of
    `shutdown`. What a setting is where it is left out, `OTEL_EXPORTER_OTLP_TRACES_*` says, else
    `OTEL_EXPORTER_OTLP_*`. A timeout there is in seconds, from 1000 on in milliseconds.

    Args:
        endpoint: Base address of a collector, for example `http://localhost:4318`, which is also
            what is taken where nothing names one; or a whole address that ends in `/v1/traces`.
        headers: Sent with every request; never logged.
        timeout_seconds: Longest wait for a connection, and for an answer; 10 by default.
        compression: `gzip`, the default, or `none`.
        certificate: File with the certificates to trust.
        client_certificate: File with our own certificate.
        client_key: File with its key, where that is another one.
        resource: Attributes of this process, such as `service.name`.
        resource_schema_url: Which version of the conventions those follow.
        max_waiting_bytes: Most bytes of encoded spans that wait for the collector; beyond it the
            oldest are dropped.
        give_up_seconds: Longest time that spans wait for a collector to be well.
        environ: Where the variables are read.
        open_transport: Makes what posts, from the settings.
        clock: Monotonic seconds.
        wall_clock: Unix seconds, for dates in answers.
        sleep: Waits so many seconds before spans are posted again; a wait that `shutdown`
            interrupts when left out.
        random: Numbers from 0 to below 1, for the waits.

    Attributes:
        name: `otlp`.
        exported: Spans that the collector took.
        dropped: Spans that it will never have.

    Raises:
        ValueError: A setting cannot be used.
    """

    name = "otlp"

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        compression: str | None = None,
        certificate: str | None = None,
        client_certificate: str | None = None,
        client_key: str | None = None,
        resource: Mapping[str, object] | None = None,
        resource_schema_url: str = "",
        max_waiting_bytes: int = MOST_WAITING_BYTES,
        give_up_seconds: float = GIVE_UP_SECONDS,
        environ: Mapping[str, str] = os.environ,
        open_transport: Callable[[DeliverySettings], Transport] = RequestsTransport,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], object] | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.exported = self.dropped = 0
        self._resource = dict(resource or {})
        self._resource_schema_url = resource_schema_url
        settings = SettingsReader("TRACES", TRACES_PATH, environ).read(
            endpoint=endpoint,
            headers=headers,
            timeout_seconds=timeout_seconds,
            compression=compression,
            certificate=certificate,
            client_certificate=client_certificate,
            client_key=client_key,
        )
        self._delivery = HTTPDelivery(
            settings,
            self._count,
            max_waiting_bytes=max_waiting_bytes,
            give_up_seconds=give_up_seconds,
            open_transport=open_transport,
            clock=clock,
            wall_clock=wall_clock,
            sleep=sleep,
            random=random,
        )
        self._told = False

    def export(self, spans: Sequence[LightSpan]) -> None:
        """Encode *spans* and put the bytes into the outbox; a batch that is too big is halved."""
        try:
            encoded = self._encoded(spans)
        except Exception as error:  # noqa: BLE001 - told by its type: its text may hold content
            if len(spans) > 1:  # one odd span does not cost its whole batch
                self._halves(spans)
                return
            self._tell_unfit(error)
            self._delivery.refuse(len(spans))
            return
        if len(encoded) > MOST_POSTED_BYTES and len(spans) > 1:
            self._halves(spans)
        elif spans:
            self._delivery.offer(encoded, len(spans))

    def flush(self, timeout_seconds: float) -> bool:
        """Deliver what waits, and return False when the time was up before all of it was."""
        return self._delivery.flush(timeout_seconds)

    def shutdown(self, timeout_seconds: float) -> None:
        """Deliver what waits and stop; what is left when the time is up counts as dropped.

        It never takes longer. Spans that come afterwards are dropped.
        """
        self._delivery.shutdown(timeout_seconds)

    def after_fork(self) -> None:
        """Begin with nothing in a forked process: what waits is its parent's to deliver."""
        self.exported = self.dropped = 0
        self._delivery.after_fork()

    def _encoded(self, spans: Sequence[LightSpan]) -> bytes:
        return encode_traces(spans, self._resource, resource_schema_url=self._resource_schema_url)

    def _halves(self, spans: Sequence[LightSpan]) -> None:
        middle = len(spans) // 2
        self.export(spans[:middle])
        self.export(spans[middle:])

    def _count(self, arrived: int, lost: int) -> None:
        self.exported += arrived
        self.dropped += lost

    def _tell_unfit(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            _logger.warning(
                "a span was dropped: it cannot be encoded (%s). This is told once",
                type(error).__name__,
            )


def otlp_exporter(
    endpoint: str | None,
    *,
    resource: Mapping[str, object],
    resource_schema_url: str = "",
    environ: Mapping[str, str] = os.environ,
) -> OTLPSpanExporter | None:
    """Return an exporter to a collector, or None with one log line where there can be none.

    Args:
        endpoint: As `OTLPSpanExporter` takes it; the environment names it when left out.
        resource: Attributes of this process.
        resource_schema_url: Which version of the conventions those follow.
        environ: Where `OTEL_*` settings are read.
    """
    if not load_requests():
        _logger.warning(
            "traces are not sent to a collector: requests is not installed. Try: uv add '%s[otlp]'",
            _PACKAGE,
        )
        return None
    try:
        return OTLPSpanExporter(
            endpoint,
            resource=resource,
            resource_schema_url=resource_schema_url,
            environ=environ,
        )
    except ValueError as error:
        _logger.warning("traces are not sent to a collector: %s", error)
        return None
