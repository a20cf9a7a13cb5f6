"""Why traffic cannot be replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


class ReplayError(ConfigurationError):
    """Raised when traffic cannot be replayed; the text is one line with the next move."""


class UnpricedModelsError(ReplayError):
    """Raised when models have no price, since what they cost is then not $0 but unknown.

    Args:
        requests_by_model: How many requests of each such model were found.
        source: Whose prices were asked.
    """

    def __init__(self, requests_by_model: Mapping[str, int], source: str) -> None:
        by_count = sorted(requests_by_model.items(), key=lambda item: (-item[1], item[0]))
        listed = ", ".join(
            f"{model!r} ({count:,} request{'s' * (count != 1)})" for model, count in by_count
        )
        super().__init__(
            f"no price for {listed} in {source}; give prices of your own, as --prices does, or "
            "leave out what names these models"
        )
        self.requests_by_model = dict(by_count)
        self.source = source


class RequestOrderError(ReplayError):
    """Raised when a request comes before one that was sent earlier, or comes twice.

    Args:
        request: Id of the request that came too late.
        ts: When it was sent, in seconds since 1970.
        before: Id of the request that came before it.
    """

    def __init__(self, request: str, ts: float, before: str) -> None:
        super().__init__(
            f"request {request!r}, sent at {ts!r}, comes after {before!r}, which is later by time "
            "and id, or the same; open the traffic with open_traffic, or give it as a list"
        )
        self.request, self.ts, self.before = request, ts, before
