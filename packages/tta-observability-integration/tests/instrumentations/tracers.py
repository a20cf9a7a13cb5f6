"""Both kinds of tracing, seen alike: our own light spans, and the spans of a user's SDK."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from observability_integration.observer import LightObserver
from observability_integration.spans.light_span import LightSpan, Scope
from observability_integration.spans.light_tracer import LightTracerProvider
from observability_integration.spans.sampling import Sampling
from observability_integration.tracer import TracerPrimitive
from tta_dev_primitives import ObservabilityPrimitive, WorkflowContext, WorkflowPrimitive, observe

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.trace import Tracer
    from opentelemetry.trace import TracerProvider as AnyProvider

TracerKind: TypeAlias = Literal["sdk", "own"]
KINDS: tuple[TracerKind, ...] = ("sdk", "own")


@dataclass(frozen=True)
class Seen:
    """A span that ended."""

    name: str
    trace_id: int
    span_id: int
    parent_id: int
    parent_is_remote: bool
    start_ns: int
    attributes: Mapping[str, object]


@dataclass
class Traced:
    """What a process that is traced has, and the spans that ended in it."""

    kind: TracerKind
    provider: AnyProvider
    observer: ObservabilityPrimitive
    begun: list[str] = field(default_factory=list)
    """The names of the primitives whose spans began."""
    spans: list[Seen] = field(default_factory=list)

    @property
    def tracer(self) -> Tracer:
        """For spans of users."""
        return self.provider.get_tracer("tests")

    def span(self, name: str) -> AbstractContextManager[object]:
        """A span of a user's own, made by our observer."""
        return self.observer.span(name)

    def named(self, name: str) -> Seen:
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, [span.name for span in self.spans]
        return found[0]

    def ended(self) -> Counter[int]:
        """How often each span ended, by its id."""
        return Counter(span.span_id for span in self.spans)

    def tree(self) -> list[str]:
        """The names of all spans, indented by their depth; those side by side in alphabet."""
        known = {span.span_id for span in self.spans}

        def below(parent: int, depth: int) -> list[str]:
            lines: list[str] = []
            here = [s for s in self.spans if (s.parent_id if s.parent_id in known else 0) == parent]
            for span in sorted(here, key=lambda span: (span.name, span.start_ns)):
                lines += ["  " * depth + span.name, *below(span.span_id, depth + 1)]
            return lines

        return below(0, 0)


@contextlib.contextmanager
def installed(kind: TracerKind, sampling: Sampling | None = None) -> Generator[Traced]:
    """Trace what primitives do in the block, without a global provider."""
    traced = _own(sampling or Sampling()) if kind == "own" else _sdk()
    with observe(traced.observer):
        yield traced


def _own(sampling: Sampling) -> Traced:
    class Counting(LightObserver):
        def start(self, primitive: WorkflowPrimitive, path: str, context: WorkflowContext) -> Any:
            traced.begun.append(primitive.label)
            return super().start(primitive, path, context)

    def deliver(span: LightSpan) -> None:
        seen = Seen(
            span.name,
            span.trace_id,
            span.span_id,
            span.parent_id,
            span.parent_is_remote,
            span.start_ns,
            span.attributes,
        )
        traced.spans.append(seen)

    provider = LightTracerProvider(deliver, sampling)
    traced = Traced("own", provider, Counting(provider, None, Scope("tests")))
    return traced


def _sdk() -> Traced:
    class Keeping(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            assert span.context is not None
            parent = span.parent
            seen = Seen(
                span.name,
                span.context.trace_id,
                span.context.span_id,
                0 if parent is None else parent.span_id,
                parent is not None and parent.is_remote,
                span.start_time or 0,
                dict(span.attributes or {}),
            )
            traced.spans.append(seen)

    class Counting(TracerPrimitive):
        def start(
            self, primitive: WorkflowPrimitive, path: str, context: WorkflowContext
        ) -> object:
            traced.begun.append(primitive.label)
            return super().start(primitive, path, context)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Keeping())
    traced = Traced("sdk", provider, Counting(provider.get_tracer("tests")))
    return traced
