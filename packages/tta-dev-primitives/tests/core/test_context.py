"""The context: shared by a run, copied for a child, viewed under other deadlines."""

from __future__ import annotations

import copy
import itertools
import pickle
import time
import uuid
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives import WorkflowContext
from tta_dev_primitives.core.context import Tally

CONTAINERS: dict[str, Callable[[WorkflowContext], Any]] = {
    "metadata": lambda context: context.metadata,
    "state": lambda context: context.state,
    "baggage": lambda context: context.baggage,
    "tags": lambda context: context.tags,
    "checkpoints": lambda context: context.checkpoints,
    "correlation_id": lambda context: context.correlation_id,
}


def test_everything_is_optional() -> None:
    """A bare context has empty containers and an id of its own."""
    context = WorkflowContext()
    assert (context.workflow_id, context.session_id, context.player_id) == (None, None, None)
    assert (context.causation_id, context.trace_id, context.span_id) == (None, None, None)
    assert (context.parent_span_id, context.deadline, context.tally) == (None, None, None)
    assert (context.metadata, context.state, context.baggage, context.tags) == ({}, {}, {}, {})
    assert context.checkpoints == []
    assert uuid.UUID(context.correlation_id)
    assert context.correlation_id == context.correlation_id
    assert context.correlation_id != WorkflowContext().correlation_id


def test_arguments_are_kept_as_they_are() -> None:
    """Given containers are used, not copied, in the order of the 0.1 signature."""
    metadata: dict[str, Any] = {"m": 1}
    state: dict[str, Any] = {"s": 1}
    baggage, tags = {"b": "1"}, {"t": "1"}
    context = WorkflowContext(
        "w", "s", "p", metadata, state, "cor", "cau", "tra", "spa", "par", baggage, tags,
        deadline=3.0,
    )  # fmt: skip
    assert (context.workflow_id, context.session_id, context.player_id) == ("w", "s", "p")
    assert (context.correlation_id, context.causation_id) == ("cor", "cau")
    assert (context.trace_id, context.span_id, context.parent_span_id) == ("tra", "spa", "par")
    assert context.metadata is metadata
    assert context.state is state
    assert context.baggage is baggage
    assert context.tags is tags
    assert context.deadline == 3.0


@pytest.mark.parametrize("name", ["metadata", "state", "baggage", "tags", "correlation_id"])
def test_fields_can_be_assigned(name: str) -> None:
    """A context is a plain object."""
    context = WorkflowContext()
    value: Any = "id" if name == "correlation_id" else {"k": "v"}
    setattr(context, name, value)
    assert getattr(context, name) is value


@pytest.mark.parametrize("read", CONTAINERS.values(), ids=CONTAINERS)
def test_views_share_what_is_made_lazily(read: Callable[[WorkflowContext], Any]) -> None:
    """Whichever of a context, its views and a view of a view asks first, all see the same."""
    for order in itertools.permutations(range(4)):
        context = WorkflowContext()
        view = context.with_deadline(1.0)
        views = [context, view, view.with_deadline(2.0), context.with_deadline(None)]
        assert len({id(read(views[index])) for index in order}) == 1, order


@given(data=st.data())
def test_what_one_view_writes_every_view_reads(data: st.DataObject) -> None:
    """Views in any tree, made before or after the first write, are one run."""
    views = [WorkflowContext()]
    written: dict[str, int] = {}
    for turn in range(data.draw(st.integers(1, 12))):
        view = data.draw(st.sampled_from(views))
        if data.draw(st.booleans()):
            views.append(view.with_deadline(float(turn)))
        else:
            written[str(turn)] = turn
            view.state[str(turn)] = view.metadata[str(turn)] = turn
            view.checkpoint(str(turn))
    for view in views:
        assert view.state == view.metadata == written
        assert [name for name, _ in view.checkpoints] == list(written)
        assert view.correlation_id == views[0].correlation_id
        assert view.start_time == views[0].start_time


def test_view_has_its_own_deadline_and_the_rest_of_the_run() -> None:
    """Identity, tally and start are those of the run."""
    context = WorkflowContext("w", "s", "p", trace_id="t", span_id="i", parent_span_id="j")
    context.causation_id, context.tally = "c", Tally()
    view = context.with_deadline(9.0, enforced=True)
    assert (context.deadline, context.deadline_enforced) == (None, False)
    assert (view.deadline, view.deadline_enforced) == (9.0, True)
    for name in (
        "workflow_id", "session_id", "player_id", "causation_id", "trace_id", "span_id",
        "parent_span_id", "start_time", "tally",
    ):  # fmt: skip
        assert getattr(view, name) is getattr(context, name)


FIELDS = (
    "workflow_id", "session_id", "player_id", "causation_id", "trace_id", "span_id",
    "parent_span_id", "start_time", "correlation_id", "metadata", "baggage", "tags", "state",
    "cache_mode", "deadline", "tally", "permits",
)  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("kind", ["view", "origin", "copy", "pickled"])
def test_assigning_a_field_changes_one_of_them_alone(name: str, kind: str) -> None:
    """Another context of the same run does not change under those who read it."""
    context = WorkflowContext("w", trace_id="t")
    others = {
        "copy": copy.copy(context),  # first: nothing is shared before
        "origin": context,
        "pickled": pickle.loads(pickle.dumps(context)),
    }
    if kind == "view":
        others["view"] = context.with_deadline(1.0)
    changed = others.pop(kind)
    before = [getattr(other, name) for other in others.values()]
    value: Any = {"new": "new"}
    setattr(changed, name, value)
    setattr(changed, name, value)  # also the second time
    assert getattr(changed, name) is value
    after = [getattr(other, name) for other in others.values()]
    assert all(one is other for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("read", CONTAINERS.values(), ids=CONTAINERS)
def test_assigning_one_field_leaves_the_rest_shared(
    read: Callable[[WorkflowContext], Any],
) -> None:
    """Whoever names his view goes on writing where the others read."""
    context = WorkflowContext()
    view = context.with_deadline(1.0)
    view.workflow_id = "named"
    further = view.with_deadline(2.0)
    further.span_id = "s"
    assert read(further) is read(view) is read(context)
    assert (further.workflow_id, further.span_id) == ("named", "s")
    assert (context.workflow_id, view.span_id) == (None, None)


def test_permit_is_held_by_the_view_alone() -> None:
    """The rest of the view is that of the run, its deadline included."""
    outer, inner = object(), object()
    context = WorkflowContext("w").with_deadline(3.0, enforced=True)
    view = context.with_permit(cast("Any", outer)).with_permit(cast("Any", inner))
    assert view.permits == (outer, inner)
    assert context.permits == ()
    assert (view.deadline, view.deadline_enforced, view.workflow_id) == (3.0, True, "w")
    assert view.with_deadline(1.0).permits == (outer, inner)
    assert view.state is context.state


@pytest.mark.parametrize(
    ("deadline", "now", "expected"), [(None, 5.0, None), (7.0, 5.0, 2.0), (4.0, 5.0, -1.0)]
)
def test_remaining_is_what_is_left_of_the_deadline(
    deadline: float | None, now: float, expected: float | None
) -> None:
    """Negative once it has passed; None where there is none."""
    assert WorkflowContext(deadline=deadline).remaining(now) == expected


def test_child_context_is_a_run_of_its_own() -> None:
    """It knows where it comes from, and what it changes stays in it."""
    parent = WorkflowContext(
        "w", "s", "p", {"m": 1}, {"s": 1}, trace_id="t", span_id="i", baggage={"b": "1"},
        tags={"t": "1"}, deadline=5.0,
    )  # fmt: skip
    parent.tally = Tally()
    parent.checkpoint("before")
    child = parent.create_child_context()
    assert (child.workflow_id, child.session_id, child.player_id) == ("w", "s", "p")
    assert child.correlation_id == child.causation_id == parent.correlation_id
    assert (child.trace_id, child.span_id, child.parent_span_id) == ("t", None, "i")
    assert child.deadline == 5.0
    assert child.tally is parent.tally
    assert child.checkpoints == []
    for read in (CONTAINERS[name] for name in ("metadata", "state", "baggage", "tags")):
        assert read(child) == read(parent)
        read(child)["new"] = "child"
        assert "new" not in read(parent)


def test_child_of_a_view_copies_what_the_view_shares() -> None:
    """A view is as good as the context it came from."""
    context = WorkflowContext()
    view = context.with_deadline(2.0)
    context.state["a"] = context.metadata["a"] = 1
    child = view.create_child_context()
    assert (child.state, child.metadata, child.deadline) == ({"a": 1}, {"a": 1}, 2.0)
    assert child.correlation_id == context.correlation_id


def test_checkpoints_and_elapsed_time_count_from_the_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seconds for checkpoints, milliseconds for `elapsed_ms`."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    context = WorkflowContext()
    now = 100.25
    context.checkpoint("loaded")
    now = 101.5
    context.with_deadline(3.0).checkpoint("sent")
    assert context.checkpoints == [("loaded", 0.25), ("sent", 1.5)]
    assert context.elapsed_ms() == 1500.0
    assert context.create_child_context().elapsed_ms() == 0.0


def test_identity_as_opentelemetry_attributes() -> None:
    """Unknown parts say so, tags are flattened, a cause appears when there is one."""
    attributes = WorkflowContext(correlation_id="c").to_otel_context()
    assert attributes.pop("workflow.elapsed_ms") >= 0
    assert attributes == {
        "workflow.id": "unknown",
        "workflow.session_id": "unknown",
        "workflow.player_id": "unknown",
        "workflow.correlation_id": "c",
    }
    attributes = WorkflowContext(
        "w", "s", "p", correlation_id="c", causation_id="d", tags={"team": "x"}
    ).to_otel_context()
    assert attributes.pop("workflow.elapsed_ms") >= 0
    assert attributes == {
        "workflow.id": "w",
        "workflow.session_id": "s",
        "workflow.player_id": "p",
        "workflow.correlation_id": "c",
        "workflow.causation_id": "d",
        "workflow.tag.team": "x",
    }


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (WorkflowContext(), "WorkflowContext()"),
        (WorkflowContext("w"), "WorkflowContext(workflow_id='w')"),
        (
            WorkflowContext("w", "s", deadline=2.5),
            "WorkflowContext(workflow_id='w', session_id='s', deadline=2.5)",
        ),
    ],
    ids=["bare", "named", "full"],
)
def test_repr_is_short_and_shows_no_state(context: WorkflowContext, expected: str) -> None:
    """State may hold what does not belong into logs."""
    context.state["secret"] = "s3cret"
    assert repr(context) == expected
