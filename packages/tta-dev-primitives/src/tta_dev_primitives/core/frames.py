"""Which call runs here, and where it stands in its workflow: what observers are told about."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from .base import WorkflowPrimitive
    from .observers import Observers, Outcome


class Place:
    """Where a primitive stands in the tree of a workflow; its path is made once.

    Attributes:
        primitive: What stands there.
        name: Its name when the path was made.
        path: The way to it from the root.
        below: The places of its children that were seen, by the child's id.
    """

    __slots__ = ("below", "name", "path", "primitive")

    def __init__(self, primitive: WorkflowPrimitive[Any, Any], path: str) -> None:
        self.primitive, self.name, self.path = primitive, primitive.name, path
        self.below: dict[int, Place] = {}

    def is_of(self, primitive: WorkflowPrimitive[Any, Any]) -> bool:
        """Tell whether *primitive* stands here, under the name that the path has."""
        return self.primitive is primitive and self.name == primitive.name

    def place_of(self, child: WorkflowPrimitive[Any, Any]) -> Place:
        """Return the place of *child*, which runs below this one."""
        place = Place(child, f"{self.path}/{self.primitive.segment_of(child)}")
        # A step that a call made for itself is forgotten with the call.
        if self.primitive.has_child(child):
            self.below[id(child)] = place
        return place


class Frame:
    """One running call.

    Attributes:
        observers: Who is told about it, to its end.
        run: Which method of the primitive at its place; only compared.
        place: Where it stands.
        token: What the observers returned for it.
        outcome: How it will be seen, unless it fails.
    """

    __slots__ = ("observers", "outcome", "place", "run", "token")

    def __init__(
        self,
        observers: Observers,
        run: Callable[..., Any],  # Any: only compared
        place: Place,
        token: object,
    ) -> None:
        self.observers, self.run, self.place, self.token = observers, run, place, token
        self.outcome: Outcome = "ok"


current: Final[ContextVar[Frame | None]] = ContextVar("tta_frame", default=None)
