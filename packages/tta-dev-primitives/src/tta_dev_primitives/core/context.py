"""What travels with one run of a workflow: identity, shared state and the deadline."""

from __future__ import annotations

import time
import uuid
from typing import Any, Final, Literal, Protocol, cast

from tta_dev_primitives.errors import ConfigurationError


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

    # Containers other than state, and the correlation id, are made when first asked for, because
    # most runs touch none of them; a view under another deadline asks the context it came from.
    __slots__ = (
        "_baggage",
        "_checkpoints",
        "_correlation_id",
        "_metadata",
        "_origin",
        "_tags",
        "cache_mode",
        "causation_id",
        "deadline",
        "deadline_enforced",
        "parent_span_id",
        "permits",
        "player_id",
        "session_id",
        "span_id",
        "start_time",
        "state",
        "tally",
        "trace_id",
        "workflow_id",
    )

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
        self.workflow_id = workflow_id
        self.session_id = session_id
        self.player_id = player_id
        self._metadata = metadata
        self.state: dict[str, Any] = {} if state is None else state  # Any: users' own
        self._correlation_id = correlation_id
        self.causation_id = causation_id
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_span_id = parent_span_id
        self._baggage = baggage
        self._tags = tags
        self.deadline = deadline
        self.deadline_enforced = False
        if cache_mode is not None and cache_mode not in ("bypass", "refresh"):
            msg = f"cache_mode must be 'bypass', 'refresh' or None, got {cache_mode!r}"
            raise ConfigurationError(msg)
        self.cache_mode: Literal["bypass", "refresh"] | None = cache_mode
        self.start_time = time.monotonic()
        self._checkpoints: list[tuple[str, float]] | None = None
        self._origin: WorkflowContext | None = None
        self.tally: Tally | None = None
        self.permits: tuple[Permit, ...] = ()

    @property
    def metadata(self) -> dict[str, Any]:  # Any: users put what they like
        """Facts about the run that steps may read."""
        if self._metadata is None:
            self._metadata = {} if self._origin is None else self._origin.metadata
        return self._metadata

    @metadata.setter
    def metadata(self, value: dict[str, Any]) -> None:
        self._metadata = value

    @property
    def baggage(self) -> dict[str, str]:
        """W3C baggage to hand on."""
        if self._baggage is None:
            self._baggage = {} if self._origin is None else self._origin.baggage
        return self._baggage

    @baggage.setter
    def baggage(self, value: dict[str, str]) -> None:
        self._baggage = value

    @property
    def tags(self) -> dict[str, str]:
        """Labels for reports."""
        if self._tags is None:
            self._tags = {} if self._origin is None else self._origin.tags
        return self._tags

    @tags.setter
    def tags(self, value: dict[str, str]) -> None:
        self._tags = value

    @property
    def correlation_id(self) -> str:
        """What ties together everything done for one request."""
        if self._correlation_id is None:
            origin = self._origin
            self._correlation_id = str(uuid.uuid4()) if origin is None else origin.correlation_id
        return self._correlation_id

    @correlation_id.setter
    def correlation_id(self, value: str) -> None:
        self._correlation_id = value

    @property
    def checkpoints(self) -> list[tuple[str, float]]:
        """Names passed to `checkpoint()` with the seconds since the run began."""
        if self._checkpoints is None:
            self._checkpoints = [] if self._origin is None else self._origin.checkpoints
        return self._checkpoints

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
        view = _new(WorkflowContext)
        view.workflow_id = self.workflow_id
        view.session_id = self.session_id
        view.player_id = self.player_id
        view._metadata = self._metadata
        view.state = self.state
        view._correlation_id = self._correlation_id
        view.causation_id = self.causation_id
        view.trace_id = self.trace_id
        view.span_id = self.span_id
        view.parent_span_id = self.parent_span_id
        view._baggage = self._baggage
        view._tags = self._tags
        view._checkpoints = self._checkpoints
        view._origin = self
        view.deadline = deadline
        view.deadline_enforced = enforced
        view.cache_mode = self.cache_mode
        view.start_time = self.start_time
        view.tally = self.tally
        view.permits = self.permits
        return view

    def with_permit(self, permit: Permit) -> WorkflowContext:
        """Return a view of this run that holds one more place among a limited number.

        Whoever waits without working, as between two attempts, gives the places up meanwhile: see
        `sleep_without_permits`.
        """
        view = self.with_deadline(self.deadline, enforced=self.deadline_enforced)
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


_new = object.__new__

# The default of every `context` parameter. A caller who gives none gets a new context per call;
# the value is replaced before any step sees it, hence the cast.
FRESH: Final[WorkflowContext] = cast("WorkflowContext", None)
