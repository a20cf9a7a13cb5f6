"""OpenTelemetry's tracer over light spans: for users' own spans and for instrumentations."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, cast

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

# As every tracer does: it makes `start_as_current_span` decorate async functions too.
from opentelemetry.util._decorator import (
    _agnosticcontextmanager,  # pyright: ignore[reportPrivateUsage]
)

from .attached import Attached
from .call_span import CallSpan
from .clock import unix_nanoseconds
from .light_span import LightSpan, Scope, SpanSite
from .limits import DEFAULT_LIMITS, SpanLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Link
    from opentelemetry.util.types import Attributes as GivenAttributes

    from observability_integration.pipeline.pipeline import SpanPipeline

    from .limits import Attributes
    from .sampling import Sampling

_MOST_SITES: Final = 512
_random_bits = random.getrandbits


class LightTracerProvider(trace.TracerProvider):
    """Make tracers whose spans are `LightSpan`.

    Args:
        deliver: Takes every ended span that is recorded.
        sampling: Which traces are recorded.
        limits: How much a span may hold.

    Attributes:
        pipeline: What ended spans go through, where that is known.
        resource: Attributes of this process.
        process: What set this provider up, for a later copy of the package.
    """

    def __init__(
        self,
        deliver: Callable[[LightSpan], object],
        sampling: Sampling,
        limits: SpanLimits = DEFAULT_LIMITS,
    ) -> None:
        self.deliver, self.sampling, self.limits = deliver, sampling, limits
        self.pipeline: SpanPipeline | None = None
        self.resource: Mapping[str, object] = {}
        self.process: object = None

    def add_span_processor(self, processor: SpanProcessor) -> None:
        """Give ended spans to a processor of the SDK too, in the thread that exports.

        It does not hear of spans that begin.
        """
        from opentelemetry.sdk.resources import Resource

        from observability_integration.export.sdk import ProcessorExporter

        if self.pipeline is not None:
            resource = Resource(cast("Attributes", dict(self.resource)))
            self.pipeline.add_exporter(ProcessorExporter(processor, resource))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what waits, and return False when the time was up before all of it was."""
        return self.pipeline is None or self.pipeline.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Deliver what waits and stop; spans that end later go nowhere."""
        if self.pipeline is not None:
            self.pipeline.shutdown()

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: GivenAttributes = None,
    ) -> LightTracer:
        """Return a tracer for one instrumentation; attributes of the scope are left out."""
        scope = Scope(
            instrumenting_module_name, instrumenting_library_version or "", schema_url or ""
        )
        return LightTracer(self, scope)

    def begin(
        self,
        site: SpanSite,
        above: Span,
        start_ns: int,
    ) -> LightSpan:
        """Return a span that begins below *above*, or at the top of a trace where that is none."""
        parent = above.get_span_context()
        if not parent.is_valid:
            trace_id = new_trace_id()
            deliver = self.deliver if self.sampling.records(trace_id) else None
            return LightSpan(site, trace_id, new_span_id(), 0, start_ns, deliver)
        if self.sampling.follows_parent:
            recorded = parent.trace_flags.sampled
        else:
            recorded = self.sampling.records(parent.trace_id)
        deliver = self.deliver if recorded else None
        span = LightSpan(site, parent.trace_id, new_span_id(), parent.span_id, start_ns, deliver)
        span.parent_is_remote = parent.is_remote
        if isinstance(above, LightSpan):
            span.call = above if isinstance(above, CallSpan) else above.call
        if parent.trace_state:
            span.trace_state = parent.trace_state
        return span


class LightTracer(trace.Tracer):
    """Begin spans of one instrumentation; made by `LightTracerProvider`."""

    def __init__(self, provider: LightTracerProvider, scope: Scope) -> None:
        self._provider, self._scope = provider, scope
        self._sites: dict[tuple[str, SpanKind], SpanSite] = {}

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: GivenAttributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002 - as above
    ) -> LightSpan:
        """Begin a span below the current one, or below that of *context*."""
        start_ns = unix_nanoseconds() if start_time is None else start_time
        above = trace.get_current_span(context)
        span = self._provider.begin(self._site(name, kind), above, start_ns)
        if attributes:
            span.set_attributes(attributes)
        for link in links or ():
            span.add_link(link.context, link.attributes)
        span.on_error(record=record_exception, mark=set_status_on_exception)
        return span

    @_agnosticcontextmanager
    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: GivenAttributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002 - as above
        end_on_exit: bool = True,  # noqa: FBT001, FBT002 - as above
    ) -> Iterator[Span]:
        """Begin a span and make it the current one in the block."""
        span = self.start_span(name, context, kind, attributes, links, start_time)
        try:
            with Attached(trace.set_span_in_context(span)):
                yield span
        except Exception as error:
            if span.is_recording():
                if record_exception:
                    span.record_exception(error)
                if set_status_on_exception:
                    span.set_status(StatusCode.ERROR, f"{type(error).__name__}: {error}")
            raise
        finally:
            if end_on_exit:
                span.end()

    def _site(self, name: str, kind: SpanKind) -> SpanSite:
        site = self._sites.get((name, kind))
        if site is None:
            if len(self._sites) >= _MOST_SITES:  # names that are made of ids never come again
                self._sites.clear()
            site = SpanSite(name, kind, {}, self._scope, self._provider.limits)
            self._sites[name, kind] = site
        return site


def new_trace_id() -> int:
    """Return a random trace id, which is never 0."""
    return _random_bits(128) or new_trace_id()


def new_span_id() -> int:
    """Return a random span id, which is never 0."""
    return _random_bits(64) or new_span_id()
