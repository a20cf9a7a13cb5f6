"""What it costs to make the bytes of OTLP of a span."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from typing import TYPE_CHECKING, Any, Final, cast

from observability_findings import Finding
from observability_spans import our_observer, sdk_observer
from observability_workflow_parts import PARTS, TIMES, Plus, Repeated, workflow
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from observability_integration.encoding.traces import encode_traces
from observability_integration.spans.resolve import Resolver
from tta_dev_primitives import observe

if TYPE_CHECKING:
    from observability_amounts import Amounts
    from observability_workflow_parts import Primitive

    from observability_integration.spans.light_span import LightSpan

MEASURE: Final = "encoding"
SDK: Final = "opentelemetry-exporter-otlp-proto-common"
RESOURCE: Final = {"service.name": "tta"}
BATCH: Final = 505  # a workflow of 100 steps has 101 spans, one of five has 5
KINDS: Final = {"plain": "a step", "records": "of a workflow of five, with what was reported"}


def findings(amounts: Amounts) -> list[Finding]:
    """Encode spans of the same calls, in turns."""
    found: list[Finding] = []
    for kind, title in KINDS.items():
        taken: dict[str, list[float]] = {"resolve": [], "ours": [], "sdk": []}
        with asyncio.Runner() as runner:
            for turn in range(amounts.encoded):
                _turn(runner, kind, turn, taken)
        encoded, both = min(taken["ours"]), list(map(sum, zip(*_ours(taken), strict=True)))
        theirs = min(taken["sdk"])
        median = statistics.median(taken["ours"])
        found += (
            Finding(MEASURE, title, encoded, "us", median, SDK, theirs),
            Finding(
                MEASURE,
                f"{title}, and describing it before",
                min(both),
                "us",
                statistics.median(both),
                f"{SDK}, which was told on the path",
                theirs,
            ),
        )
    return found


def _ours(taken: dict[str, list[float]]) -> tuple[list[float], list[float]]:
    return taken["resolve"], taken["ours"]


def _turn(runner: asyncio.Runner, kind: str, turn: int, taken: dict[str, list[float]]) -> None:
    """Encode a batch of each side's spans of the same calls."""
    light: list[Any] = []  # Any: spans of ours
    readable: list[Any] = []  # Any: spans of the SDK
    for keep, observer in ((light, our_observer), (readable, sdk_observer)):
        with observe(observer(keep.append)):
            runner.run(_run(kind, turn))
    resolve = Resolver().resolve
    gc.collect()
    gc.disable()
    # The thread's own time: our encoder rests now and then, which costs nothing.
    try:
        moments = [time.thread_time_ns()]
        for span in light:
            resolve(span)
        moments.append(time.thread_time_ns())
        ours = encode_traces(cast("list[LightSpan]", light), RESOURCE)
        moments.append(time.thread_time_ns())
        theirs = encode_spans(readable).SerializeToString()
        moments.append(time.thread_time_ns())
    finally:
        gc.enable()
    if turn == 0:
        _compare(ours, theirs)
    for name, begun, ended in zip(taken, moments, moments[1:], strict=False):
        taken[name].append((ended - begun) / BATCH / 1000)


async def _run(kind: str, turn: int) -> None:
    primitive: Primitive
    if kind == "plain":
        primitive, times = Repeated(Plus()), BATCH // (TIMES + 1)
    else:
        primitive, times = workflow(0, lambda _, part: part), BATCH // PARTS
    for number in range(times):
        await primitive.execute(number + turn * BATCH)


def _compare(ours: bytes, theirs: bytes) -> None:
    """Raise unless both say as much: otherwise one of them does less work."""
    said = [_said(encoded) for encoded in (ours, theirs)]
    if said[0] != said[1] or said[0][0] != BATCH:
        msg = f"the two sides say different things: spans and attributes are {said}"
        raise RuntimeError(msg)


def _said(encoded: bytes) -> tuple[int, int, int]:
    """Return how many spans, attributes and events there are."""
    request = ExportTraceServiceRequest.FromString(encoded)
    spans = [
        span
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    attributes = sum(len(span.attributes) for span in spans)
    return len(spans), attributes, sum(len(span.events) for span in spans)
