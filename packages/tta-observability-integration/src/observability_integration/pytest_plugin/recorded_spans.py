"""The fixture `spans`: what the primitives of a test did."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast, overload

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observability_integration.spans.light_span import LightSpan
    from tta_dev_primitives import ObservabilityPrimitive


class RecordedSpans(Sequence["LightSpan"]):
    """The spans that have ended since the test began, in the order in which they began.

    Args:
        begun: All spans that begin are added here.
    """

    def __init__(self, begun: list[LightSpan]) -> None:
        self._begun = begun

    def _ended(self) -> list[LightSpan]:
        return [span for span in self._begun if span.end_ns]

    def __len__(self) -> int:
        return len(self._ended())

    @overload
    def __getitem__(self, index: int) -> LightSpan: ...
    @overload
    def __getitem__(self, index: slice) -> list[LightSpan]: ...
    def __getitem__(self, index: int | slice) -> LightSpan | list[LightSpan]:
        return self._ended()[index]

    def __repr__(self) -> str:
        return f"<{len(self)} spans>\n{self.tree()}"

    def named(
        self,
        name: str,
        attributes: Mapping[str, Any] | None = None,  # Any: values of attributes
    ) -> list[LightSpan]:
        """Return the spans of this name; `*` in it stands for any text.

        Args:
            name: Such as `cache answers` or `chat *`.
            attributes: What they must have, with these values.
        """
        pattern = name.replace("[", "[[]").replace("?", "[?]")
        wanted = (attributes or {}).items()
        return [
            span
            for span in self._ended()
            if fnmatch.fnmatchcase(span.name, pattern)
            and (not wanted or wanted <= _comparable(span.attributes).items())
        ]

    def one(
        self,
        name: str = "*",
        attributes: Mapping[str, Any] | None = None,  # Any: as above
    ) -> LightSpan:
        """Return the only span of this name, with these attributes.

        Raises:
            AssertionError: There is none, or more than one; the text shows which there are.
        """
        found = self.named(name, attributes)
        if len(found) != 1:
            which = f"span {name!r}" + (f" with {dict(attributes)}" if attributes else "")
            msg = f"expected one {which}, found {len(found)} among {self!r}"
            raise AssertionError(msg)
        return found[0]

    def tree(self) -> str:
        """Return the names, each below the span that it belongs to and further right.

        What did not end as usual says how: `chat gpt-4o [error: TimeoutError]`.
        """
        spans = self._ended()
        known = {span.span_id for span in spans}
        below: dict[int, list[LightSpan]] = {}
        for span in spans:
            below.setdefault(span.parent_id if span.parent_id in known else 0, []).append(span)
        lines: list[str] = []
        waiting = [(0, span) for span in reversed(below.get(0, []))]
        while waiting:
            depth, span = waiting.pop()
            lines.append("  " * depth + span.name + _ending(span))
            waiting += [(depth + 1, child) for child in reversed(below.get(span.span_id, []))]
        return "\n".join(lines)


@pytest.fixture
def spans() -> Iterator[RecordedSpans]:
    """Record the spans of all primitives that run in the test."""
    from tta_dev_primitives import observe

    observer, begun = _recording()
    with observe(observer):
        yield RecordedSpans(begun)


def _recording() -> tuple[ObservabilityPrimitive, list[LightSpan]]:
    """Return an observer that makes spans, and the list that they are added to as they begin."""
    from observability_integration.scope import SCOPE
    from observability_integration.spans.light_span import Scope
    from observability_integration.spans.light_tracer import LightTracer, LightTracerProvider
    from observability_integration.spans.sampling import Sampling
    from observability_integration.tracer import TracerPrimitive

    begun: list[LightSpan] = []

    class Recorder(LightTracer):
        def start_span(self, *args: Any, **options: Any) -> LightSpan:  # Any: handed on
            span = super().start_span(*args, **options)
            begun.append(span)
            return span

    provider = LightTracerProvider(id, Sampling())  # nobody needs to be told of an end
    return TracerPrimitive(Recorder(provider, Scope(SCOPE))), begun


def _ending(span: LightSpan) -> str:
    from observability_integration.semconv.names import ERROR_TYPE, TTA_OUTCOME

    attributes = span.attributes
    outcome = attributes.get(TTA_OUTCOME, "ok")
    error = attributes.get(ERROR_TYPE)
    if outcome == "ok" and error is None:
        return ""
    told = "error" if outcome == "ok" else outcome
    return f" [{told}]" if error in (None, told) else f" [{told}: {error}]"


def _comparable(attributes: Mapping[str, Any]) -> dict[str, Any]:  # Any: values of attributes
    """Return *attributes* with sequences as tuples, however they were set."""
    return {
        key: tuple(cast("Sequence[object]", value)) if isinstance(value, list) else value
        for key, value in attributes.items()
    }
