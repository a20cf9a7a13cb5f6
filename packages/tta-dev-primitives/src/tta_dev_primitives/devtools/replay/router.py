"""Who chooses the model of a request in a replay, and the two choices that need no thought."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

from .errors import ReplayError

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


class LotRouter:
    """Chooses one model by lot, else the one that was asked.

    The lot of a request depends on its id and the seed alone, so that a replay can be repeated.

    Args:
        model: Name of the model.
        share: Share of the requests that it gets, from 0 to 1.
        seed: Another one draws other lots.
    """

    def __init__(self, model: str, share: float, *, seed: int = 0) -> None:
        if not 0 <= share <= 1:
            msg = f"share must be from 0 to 1, got {share!r}"
            raise ReplayError(msg)
        self.model, self.share = model, share
        self._prefix = f"{seed}:"

    def choose(self, request: TrafficRequest) -> str:
        """Return the name of the model."""
        drawn = zlib.crc32((self._prefix + request.id).encode("utf-8", "surrogatepass"))
        return self.model if drawn < self.share * 2**32 else request.model
