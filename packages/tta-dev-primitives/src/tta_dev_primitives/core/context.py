"""What travels with one run of a workflow: identity, shared state and the deadline."""

from __future__ import annotations

import os
import time
import uuid
from operator import attrgetter
from threading import Lock
from typing import Any, ClassVar, Final, Literal, Protocol, cast

from tta_dev_primitives.errors import ConfigurationError

_making = Lock()
"""Held while an id is made that two threads may ask for first."""
if hasattr(os, "register_at_fork"):
    # A thread that held it is not in the child to let go of it.
    os.register_at_fork(after_in_child=lambda: globals().update(_making=Lock()))


class Tally:
    """Counts what one item of a `map` took, however deep in the workflow it happened."""

    __slots__ = ("attempts",)

    def __init__(self) -> None:
        self.attempts = 1


class Permit(Protocol):
    """A place among a limited number, held while a call runs."""

    def give_up(self) -> None:
        """Let somebody else have the place."""
        ...

    async def take_again(self) -> None:
        """Wait for a place, ahead of those who have had none yet.

        When this is cancelled or fails, the holder is without a place, and its end returns none.
        """
        ...


class RunIdentity:
    """What all views of one run have in common, apart from its state."""

    FIELDS: ClassVar = (
        "workflow_id",
        "session_id",
        "player_id",
        "causation_id",
        "trace_id",
        "span_id",
        "parent_span_id",
        "start_time",
    )
    # These are made when first asked for, because most runs touch none of them.
    __slots__ = (*FIELDS, "baggage", "checkpoints", "correlation_id", "metadata", "shared", "tags")

    workflow_id: str | None
    session_id: str | None
    player_id: str | None
    causation_id: str | None
    trace_id: str | None
    span_id: str | None
    parent_span_id: str | None
    start_time: float
    correlation_id: str | None
    metadata: dict[str, Any] | None  # Any: users' own
    baggage: dict[str, str] | None
    tags: dict[str, str] | None
    checkpoints: list[tuple[str, float]] | None
    shared: bool

    def copy(self) -> RunIdentity:
        """Return a record with the same contents, for one context."""
        copied = RunIdentity()
        for name in self.__slots__:
            setattr(copied, name, getattr(self, name))
        copied.shared = False
        return copied


class WorkflowContext:
    """Carry identity, shared state and a deadline through one run of a workflow.

    All arguments are optional. The containers are shared by everything that runs under this
    context, parallel branches included; `create_child_context()` copies them.

    Args:
        workflow_id: Name or id of the workflow.
        session_id: The user session it belongs to.
        player_id: The user it belongs to.
        metadata: Facts about the run that steps may read.
        state: What steps want to tell each other; primitives count there too.
        correlation_id: Ties together everything done for one request; made when first read.
        causation_id: What caused this run.
        trace_id: W3C trace id, 32 hex digits.
        span_id: W3C span id, 16 hex digits.
        parent_span_id: Span id of the caller.
        baggage: W3C baggage to hand on.
        tags: Labels for reports.
        deadline: Moment after which nobody waits for the answer, in `time.monotonic()` seconds.
            Every wait of every primitive is capped by it.
        cache_mode: What caches do in this run: `bypass` runs the step and leaves the cache as it
            is, `refresh` runs the step and keeps what it returns; None is the usual.
    """

    # What identifies the run is one record for all its views, so that a view is a few references.
    # Whoever assigns one of its fields gets a record of his own first. What is read on the path of
    # a call has a slot here.
    __slots__ = (
        "_run",
        "cache_mode",
        "deadline",
        "deadline_enforced",
        "permits",
        "state",
        "tally",
    )

    workflow_id: str | None
    session_id: str | None
    player_id: str | None
    causation_id: str | None
    trace_id: str | None
    span_id: str | None
    parent_span_id: str | None
    start_time: float

    def __init__(
        self,
        workflow_id: str | None = None,
        session_id: str | None = None,
        player_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        state: dict[str, Any] | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        trace_id: str | None = None,
        span_id: str | None = None,
        parent_span_id: str | None = None,
        baggage: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
        *,
        deadline: float | None = None,
        cache_mode: Literal["bypass", "refresh"] | None = None,
    ) -> None:
        if cache_mode is not None and cache_mode not in ("bypass", "refresh"):
            msg = f"cache_mode must be 'bypass', 'refresh' or None, got {cache_mode!r}"
            raise ConfigurationError(msg)
        run = self._run = RunIdentity()
        run.workflow_id = workflow_id
        run.session_id = session_id
        run.player_id = player_id
        run.causation_id = causation_id
        run.trace_id = trace_id
        run.span_id = span_id
        run.parent_span_id = parent_span_id
        run.start_time = time.monotonic()
        run.correlation_id = correlation_id
        run.metadata = metadata
        run.baggage = baggage
        run.tags = tags
        run.checkpoints = None
        run.shared = False
        self.state: dict[str, Any] = {} if state is None else state  # Any: users' own
        self.deadline = deadline
        self.deadline_enforced = False
        self.cache_mode: Literal["bypass", "refresh"] | None = cache_mode
        self.tally: Tally | None = None
        self.permits: tuple[Permit, ...] = ()

    @property
    def metadata(self) -> dict[str, Any]:  # Any: users put what they like
        """Facts about the run that steps may read."""
        run = self._run
        if run.metadata is None:
            run.metadata = {}
        return run.metadata

    @metadata.setter
    def metadata(self, value: dict[str, Any]) -> None:
        self._own_run().metadata = value

    @property
    def baggage(self) -> dict[str, str]:
        """W3C baggage to hand on."""
        run = self._run
        if run.baggage is None:
            run.baggage = {}
        return run.baggage

    @baggage.setter
    def baggage(self, value: dict[str, str]) -> None:
        self._own_run().baggage = value

    @property
    def tags(self) -> dict[str, str]:
        """Labels for reports."""
        run = self._run
        if run.tags is None:
            run.tags = {}
        return run.tags

    @tags.setter
    def tags(self, value: dict[str, str]) -> None:
        self._own_run().tags = value

    @property
    def correlation_id(self) -> str:
        """What ties together everything done for one request."""
        run = self._run
        if run.correlation_id is None:
            with _making:  # the first to ask may be two threads
                if run.correlation_id is None:
                    run.correlation_id = str(uuid.uuid4())
        return run.correlation_id

    @correlation_id.setter
    def correlation_id(self, value: str) -> None:
        self._own_run().correlation_id = value

    @property
    def checkpoints(self) -> list[tuple[str, float]]:
        """Names passed to `checkpoint()` with the seconds since the run began."""
        run = self._run
        if run.checkpoints is None:
            run.checkpoints = []
        return run.checkpoints

    def _own_run(self) -> RunIdentity:
        """Return the record of this context alone, to be changed."""
        run = self._run
        if run.shared:
            # What is made when first asked for stays one and the same for all.
            _ = self.metadata, self.baggage, self.tags, self.checkpoints, self.correlation_id
            run = self._run = run.copy()
        return run

    def __getstate__(self) -> object:
        self._run.shared = True  # with the copy that is being made
        return super().__getstate__()

    def checkpoint(self, name: str) -> None:
        """Remember *name* with the seconds since the run began."""
        self.checkpoints.append((name, time.monotonic() - self.start_time))

    def elapsed_ms(self) -> float:
        """Return the milliseconds since this context was made."""
        return (time.monotonic() - self.start_time) * 1000

    def create_child_context(self) -> WorkflowContext:
        """Return a context for a run that this one caused.

        Containers are copied, so the child's changes stay in the child; the deadline holds for
        both, and the child names this context's correlation id as its cause.
        """
        child = WorkflowContext(
            workflow_id=self.workflow_id,
            session_id=self.session_id,
            player_id=self.player_id,
            metadata=dict(self.metadata),
            state=dict(self.state),
            correlation_id=self.correlation_id,
            causation_id=self.correlation_id,
            trace_id=self.trace_id,
            parent_span_id=self.span_id,
            baggage=dict(self.baggage),
            tags=dict(self.tags),
            deadline=self.deadline,
            cache_mode=self.cache_mode,
        )
        child.tally, child.permits = self.tally, self.permits
        return child

    def to_otel_context(self) -> dict[str, Any]:  # Any: OpenTelemetry attribute values
        """Return the identity as flat attributes, as OpenTelemetry spans take them."""
        attributes: dict[str, Any] = {
            "workflow.id": self.workflow_id or "unknown",
            "workflow.session_id": self.session_id or "unknown",
            "workflow.player_id": self.player_id or "unknown",
            "workflow.correlation_id": self.correlation_id,
            "workflow.elapsed_ms": self.elapsed_ms(),
        }
        if self.causation_id is not None:
            attributes["workflow.causation_id"] = self.causation_id
        attributes.update({f"workflow.tag.{key}": value for key, value in self.tags.items()})
        return attributes

    def remaining(self, now: float) -> float | None:
        """Return the seconds left until the deadline at *now*, or None where there is none."""
        return None if self.deadline is None else self.deadline - now

    def with_deadline(self, deadline: float | None, *, enforced: bool = False) -> WorkflowContext:
        """Return a view of this run under another deadline.

        Containers and the correlation id are shared, not copied: what is put into `state` through
        one is seen through the other. Assigning a field changes one of them alone.

        Args:
            deadline: The moment, in seconds of the clock that the steps use; None for no deadline.
            enforced: Whether the caller cancels what runs under the view at that moment, so that
                a limit further in needs no timer for it.
        """
        run = self._run
        run.shared = True
        view = _View()
        view._run = run
        view.state = self.state
        view.deadline = deadline
        view.deadline_enforced = enforced
        view.cache_mode = self.cache_mode
        view.tally = self.tally
        view.permits = self.permits
        return view

    def with_permit(self, permit: Permit) -> WorkflowContext:
        """Return a view of this run that holds one more place among a limited number.

        Whoever waits without working, as between two attempts, gives the places up meanwhile: see
        `sleep_without_permits`.
        """
        run = self._run
        run.shared = True
        view = _View()
        view._run = run
        view.state = self.state
        view.deadline = self.deadline
        view.deadline_enforced = self.deadline_enforced
        view.cache_mode = self.cache_mode
        view.tally = self.tally
        view.permits = (*self.permits, permit)
        return view

    def __repr__(self) -> str:
        shown = {
            "workflow_id": self.workflow_id,
            "session_id": self.session_id,
            "deadline": self.deadline,
        }
        inner = ", ".join(f"{key}={value!r}" for key, value in shown.items() if value is not None)
        return f"WorkflowContext({inner})"


class _View(WorkflowContext):
    """A context that is filled in by who makes it: without arguments, it is made much faster."""

    __slots__ = ()
    __init__ = object.__init__  # pyright: ignore[reportAssignmentType] - takes no arguments


def _shared_field(name: str) -> property:
    """Return a property that reads *name* of the run, in C."""

    def assign(context: WorkflowContext, value: object) -> None:
        setattr(context._own_run(), name, value)  # pyright: ignore[reportPrivateUsage]

    return property(attrgetter(f"_run.{name}"), assign)


for _name in RunIdentity.FIELDS:
    setattr(WorkflowContext, _name, _shared_field(_name))

# The default of every `context` parameter. A caller who gives none gets a new context per call;
# the value is replaced before any step sees it, hence the cast.
FRESH: Final[WorkflowContext] = cast("WorkflowContext", None)
