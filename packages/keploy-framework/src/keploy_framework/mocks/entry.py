"""A mock that can be answered from, with its response made ready once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from keploy_framework.exchange import Response
from keploy_framework.mocks.answers import encoding_for, ready_to_send

if TYPE_CHECKING:
    from keploy_framework.exchange import Request
    from keploy_framework.formats.models.mock import Mock
    from keploy_framework.matching.choice.bucket import KnownMock
    from keploy_framework.mocks.timing import StreamTiming


@dataclass(slots=True)
class Entry:
    """A mock with its response as it is sent, by content encoding.

    Args:
        key: Its name, made unlike all others.
        name: Its name.
        order: Its place in the file.
        mock: The mock.
        recorded: Its response.
        began: When its request was sent, in nanoseconds since 1970.
        known: What it can be chosen by; ``None`` where it is damaged.
        ready: The response made ready, by content encoding.
    """

    key: str
    name: str
    order: int
    mock: Mock
    recorded: Response
    began: int | None
    known: KnownMock | None = None
    ready: dict[str, Response] = field(default_factory=dict[str, Response])

    def response(self, request: Request, timing: StreamTiming, at: int) -> Response:
        """Give the response for a request that came *at* nanoseconds since 1970."""
        encoding = encoding_for(self.recorded, request)
        ready = self.ready.get(encoding)
        if ready is None:
            ready = self.ready[encoding] = ready_to_send(self.recorded, encoding=encoding)
        if not ready.chunks:
            return ready
        return replace(ready, chunks=timing.schedule(ready.chunks, self.began, at))
