"""Spans of loops, batches, switches and injected faults."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from observability_integration.spans import records as spans
from tta_dev_primitives import (
    BatchPrimitive,
    LoopPrimitive,
    SequentialPrimitive,
    SwitchPrimitive,
    WorkflowPrimitive,
)
from tta_dev_primitives.core import observe

if TYPE_CHECKING:
    from conftest import Recorded


def same(value: Any) -> Any:
    return value


class FaultPrimitive(WorkflowPrimitive[Any, Any]):
    """Looks to the tracer like the one of the testing room, which this package does not import."""

    __module__ = "tta_dev_primitives.testing.faults"
    name = "f"

    async def execute(self, input_data: Any, *args: Any, **kwargs: Any) -> Any:
        observe.report(observe.FaultRecord(("latency", "abort")))


@pytest.mark.parametrize(
    ("step", "name", "expected"),
    [
        (
            LoopPrimitive(same, until=lambda x, ctx: True, name="l"),
            "loop l",
            {"tta.loop.iterations": 1, "tta.loop.max_iterations": 10, "tta.loop.exhausted": False},
        ),
        (
            BatchPrimitive(lambda xs: list(xs), name="b"),
            "batch b",
            {"tta.batch.size": 1, "tta.batch.max_size": 100, "tta.batch.reason": "tick"},
        ),
        (
            SwitchPrimitive(lambda x, ctx: x, {"a": same}, name="s"),
            "switch s",
            {"tta.branch.taken": "a", "tta.branch.count": 1},
        ),
        (FaultPrimitive(), "fault f", {"tta.fault.injected": ("latency", "abort")}),
    ],
    ids=["loop", "batch", "switch", "fault"],
)
async def test_a_span_tells_what_the_step_decided(
    recorded: Recorded, step: WorkflowPrimitive[Any, Any], name: str, expected: dict[str, Any]
) -> None:
    await SequentialPrimitive([step], name="app").execute("a")
    attributes = recorded.attributes(name)
    told = {
        key: value
        for key, value in attributes.items()
        if not key.startswith(("tta.primitive", "tta.outcome"))
    }
    assert told == expected


async def test_every_caller_of_a_batch_has_a_span_and_the_step_has_one(recorded: Recorded) -> None:
    """The one call stands in the span of the first of them."""
    batch = BatchPrimitive(lambda xs: list(xs), name="b")
    workflow = SequentialPrimitive([batch], name="app")
    await asyncio.gather(*(workflow.execute(x) for x in "ab"))
    assert recorded.tree() == [
        "invoke_workflow app",
        "  batch b",
        "    lambda",
        "invoke_workflow app",
        "  batch b",
    ]


def test_every_record_of_the_core_has_attributes() -> None:
    """A record that is added there must not be forgotten here; what was said is a matter apart."""
    records = {
        value
        for name, value in vars(observe).items()
        if name.endswith("Record") and isinstance(value, type)
    }
    assert {*spans._DESCRIBE, observe.LLMContentRecord} == records
