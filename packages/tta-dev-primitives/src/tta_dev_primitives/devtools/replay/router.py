"""Who chooses the model of a request in a replay, and the choice that needs no thought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest


class Router(Protocol):
    """Chooses a model.

    It is asked for each request that the cache does not answer, in the order of time. It may read
    what an app knows when it asks (text, place, tenant, time), but not the answers.
    """

    def choose(self, request: TrafficRequest) -> str:
        """Return the name of the model."""
        ...


class AlwaysRouter:
    """Chooses one model for everything.

    Args:
        model: Its name.
    """

    def __init__(self, model: str) -> None:
        self.model = model

    def choose(self, request: TrafficRequest) -> str:
        """Return the name of the model."""
        return self.model
