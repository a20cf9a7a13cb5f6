"""Spans as plain dicts that a table can hold: what was expected, and what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PlainSpan = dict[str, Any]

# What no two runs have in common.
CHANGING = frozenset(
    {
        "gen_ai.response.id",
        "gen_ai.response.time_to_first_chunk",
        "server.port",
        "tta.cache.age",
        "tta.cache.saved.duration",
        "tta.ratelimit.wait",
        "tta.timeout.elapsed",
        "workflow.correlation_id",
    }
)
ANY = "(any)"


def call(
    depth: int,
    name: str,
    kind: str,
    path: str,
    attributes: Mapping[str, Any] | None = None,
    *,
    outcome: str = "ok",
    error: str | None = None,
    client: bool = False,
    events: Sequence[tuple[str, Mapping[str, Any]]] = (),
    links: Sequence[str] = (),
) -> PlainSpan:
    """Return the span that is expected of one call.

    Args:
        depth: How many spans stand above it.
        name: Of the span.
        kind: Class of the primitive.
        path: Its place; a name there is that of the primitive.
        attributes: Beside those that every span has.
        outcome: How the call ended.
        error: Type of what it raised.
        client: Whether it asks another service.
        events: Names and attributes.
        links: Paths of the spans it belongs with.
    """
    told = {
        "tta.primitive.type": kind,
        "tta.primitive.name": path.rpartition("/")[2].partition(".")[2]
        or kind.removesuffix("Primitive"),
        "tta.primitive.path": path,
        "tta.outcome": outcome,
        **(attributes or {}),
    }
    if error is not None:
        told["error.type"] = error
    return {
        "depth": depth,
        "name": name,
        "kind": "CLIENT" if client else "INTERNAL",
        "attributes": told,
        "events": [(event, dict(told_of_it)) for event, told_of_it in events],
        "links": list(links),
        "status": ("UNSET", None) if error is None else ("ERROR", error),
    }


def workflow(
    label: str, kind: str, attributes: Mapping[str, Any] | None = None, **others: Any
) -> PlainSpan:
    """Return the span that is expected of the root of a workflow called *label*."""
    told = {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": label,
        "workflow.correlation_id": ANY,
        **(attributes or {}),
    }
    return call(0, f"invoke_workflow {label}", kind, f"0.{label}", told, **others)


def plain_spans(spans: Sequence[Any]) -> list[PlainSpan]:
    """Return spans of any kind as plain dicts: parents first, in the order of their start.

    Args:
        spans: `ReadableSpan` of OpenTelemetry's SDK or `LightSpan`.
    """
    known = {_span_id(span): span for span in spans}
    found: list[PlainSpan] = []

    def add(parent: int, depth: int) -> None:
        for span in sorted(spans, key=_start):
            above = _parent_id(span)
            if (above if above in known else 0) == parent:
                found.append(_plain(span, depth, known))
                add(_span_id(span), depth + 1)

    add(0, 0)
    return found


def _plain(span: Any, depth: int, known: Mapping[int, Any]) -> PlainSpan:
    status = getattr(span, "status", None)
    code = span.status_code if status is None else status.status_code
    description = span.status_description if status is None else status.description
    return {
        "depth": depth,
        "name": span.name,
        "kind": span.kind.name,
        "attributes": _steady(span.attributes or {}),
        "events": [(event.name, _steady(event.attributes or {})) for event in span.events],
        "links": [
            known[link.context.span_id].attributes["tta.primitive.path"] for link in span.links
        ],
        "status": (code.name, description),
    }


def _steady(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: ANY if key in CHANGING else value for key, value in attributes.items()}


def _span_id(span: Any) -> int:
    context = getattr(span, "context", None)
    return span.span_id if context is None else context.span_id


def _parent_id(span: Any) -> int:
    if hasattr(span, "parent_id"):
        return span.parent_id
    return 0 if span.parent is None else span.parent.span_id


def _start(span: Any) -> int:
    return span.start_ns if hasattr(span, "start_ns") else span.start_time
