"""What all levers have in common: they see each request once, and then say what they found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .advice import Lever, LeverName, Unjudged


@dataclass(frozen=True, slots=True)
class Spending:
    """What the whole traffic was.

    Attributes:
        requests: How many.
        dollars: What they cost.
    """

    requests: int
    dollars: float

    def share(self, saved: float) -> float:
        """Return *saved* as a share of it all; 0 where nothing was spent."""
        return saved / self.dollars if self.dollars else 0.0


class LeverSearch(Protocol):
    """Looks for what one lever would save, in bounded memory."""

    @property
    def name(self) -> LeverName:
        """Which lever."""
        ...

    def add(self, request: TrafficRequest, dollars: float) -> None:
        """See the next request.

        Args:
            request: Not sent before any request that was seen already.
            dollars: What it cost.
        """
        ...

    def result(self, spending: Spending) -> Lever | Unjudged:
        """Return what was found; *spending* is that of all requests seen."""
        ...
