"""What a caller asks of a cache, and what the cache was told to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from tta_dev_primitives.core.base import WorkflowPrimitive
    from tta_dev_primitives.core.context import WorkflowContext

    from .lifetimes import Lifetimes
    from .shelf import Entry
    from .stream_recording import Pace


class Owner(Protocol):
    """The cache around one step: who asks."""

    name: str

    @property
    def label(self) -> str:
        """The name for people to read."""
        ...

    @property
    def primitive(self) -> WorkflowPrimitive[Any, Any]:
        """The step."""
        ...


@dataclass(slots=True)
class Ask:
    """One caller's question.

    Attributes:
        owner: The cache that was asked.
        key: The key of its entry.
        input_data: What the step works on.
        context: The caller's context.
        spare: A stale entry that may stand in for an error.
    """

    owner: Owner
    key: Hashable
    input_data: Any  # Any: the step's own type
    context: WorkflowContext
    spare: Entry | None = None

    def without_deadline(self) -> Ask:
        """Return the question as all who ask it share it: each leaves at a deadline of his own."""
        context = self.context.with_deadline(None)
        return Ask(self.owner, self.key, self.input_data, context, self.spare)

    @property
    def refreshes(self) -> bool:
        """Whether the caller wants an answer that is made now."""
        return self.context.cache_mode == "refresh"

    @property
    def flight(self) -> Hashable:
        """The name of the call that it can share."""
        return ("refresh", self.key) if self.refreshes else self.key


@dataclass(frozen=True, slots=True)
class Rules:
    """What a cache was told to do.

    Attributes:
        lifetimes: How long answers are good.
        tags: Makes the tags of an answer of the input and the result.
        negative_errors: The kinds of errors that are remembered.
        shadow: Decide and report, but do not answer.
        finish: Go on with a call that nobody waits for any more.
        pace: How a kept stream is played: at once, or as it came.
    """

    lifetimes: Lifetimes
    tags: Callable[[Any, Any], Iterable[str]] | None  # Any: the step's own types
    negative_errors: tuple[type[Exception], ...]
    shadow: bool
    finish: bool
    pace: Pace
