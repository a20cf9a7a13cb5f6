"""What a span is known by when it begins."""

from __future__ import annotations

from typing import Any

import pytest

from observability_integration.spans.describe import place_attributes, run_attributes
from tta_dev_primitives import (
    ConditionalPrimitive,
    LambdaPrimitive,
    ObservabilityPrimitive,
    ParallelPrimitive,
    RetryPrimitive,
    SequentialPrimitive,
    SwitchPrimitive,
    WorkflowContext,
    observe,
)


def same(value: Any) -> Any:
    return value


class Places(ObservabilityPrimitive):
    """Keeps what is known of the place of each call, by its path."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}

    def start(self, primitive: Any, path: str, context: WorkflowContext) -> None:
        root = path == primitive.path_segment("0")
        self.known[path] = dict(place_attributes(primitive, path, root=root))

    def told(self, path: str) -> dict[str, Any]:
        return {key: value for key, value in self.known[path].items() if "branch" in key}


@pytest.mark.parametrize(
    ("workflow", "path", "count", "index"),
    [
        (ParallelPrimitive([same, same]), "0/1.same", 2, 1),
        (ParallelPrimitive({"a": same, "b": abs}), "0/0.same", 2, 0),
        (ConditionalPrimitive(lambda x, c: False, same, abs), "0/1.abs", 2, 1),
        (SwitchPrimitive(lambda x, c: x, {2: same, 1: abs}), "0/1.abs", 2, 1),
    ],
    ids=["parallel", "parallel-dict", "conditional", "switch"],
)
async def test_a_branch_tells_which_it_is_of_how_many(
    workflow: Any, path: str, count: int, index: int
) -> None:
    places = Places()
    with observe(places):
        await workflow.execute(1)
    assert places.told("0") == {"tta.branch.count": count}
    if path == "0/1.same":  # one function, two primitives
        assert places.told("0/0.same") == {"tta.branch.index": 0}
    assert places.told(path) == {"tta.branch.index": index}


@pytest.mark.parametrize(
    "workflow", [SequentialPrimitive([same, same]), RetryPrimitive(same)], ids=["sequence", "retry"]
)
async def test_what_is_no_branch_tells_no_number(workflow: Any) -> None:
    """One after the other, steps stand in their order already."""
    places = Places()
    with observe(places):
        await workflow.execute(1)
    assert [places.told(path) for path in places.known] == [{}] * len(places.known)


async def test_a_step_that_a_branch_makes_for_itself_is_no_branch() -> None:
    """Its path may look as if it were one."""

    class Own(ParallelPrimitive[Any, Any]):
        async def execute(self, input_data: Any, context: Any = None) -> Any:
            return await LambdaPrimitive(same, name="7").execute(input_data, context)

    places = Places()
    with observe(places):
        await Own([same]).execute(1)
    assert places.told("0/7") == {}


async def test_the_root_is_no_branch_of_anything() -> None:
    places = Places()
    with observe(places):
        await LambdaPrimitive(same, name="app").execute(1)
    assert places.known["0.app"] == {
        "tta.primitive.type": "LambdaPrimitive",
        "tta.primitive.name": "app",
        "tta.primitive.path": "0.app",
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "app",
    }


def test_a_run_is_told_as_its_context_tells_it_but_for_the_user() -> None:
    """Who the user is does not belong into traces."""
    context = WorkflowContext(
        workflow_id="w",
        session_id="s",
        player_id="ada",
        correlation_id="c",
        causation_id="d",
        tags={"tier": "gold"},
    )
    expected = context.to_otel_context()
    for left_out in ("workflow.player_id", "workflow.elapsed_ms"):
        del expected[left_out]
    assert run_attributes(context) == {**expected, "gen_ai.conversation.id": "s"}


def test_of_an_anonymous_run_only_its_correlation_is_told() -> None:
    assert set(run_attributes(WorkflowContext())) == {"workflow.correlation_id"}
