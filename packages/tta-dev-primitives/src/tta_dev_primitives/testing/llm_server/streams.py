"""What an API must be able to do to be served, and the pieces a stream is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.testing.llm_server.answers import Answer
    from tta_dev_primitives.testing.llm_server.values import (
        ChatApi,
        ChatRequest,
        JsonObject,
        Provider,
    )


class StreamPiece(NamedTuple):
    """One event on the wire.

    Args:
        data: The event, framed.
        content: The content it carries, which sets its pace; "" for a frame around content.
        closes: Whether it belongs to the end, which a broken stream never reaches.
    """

    data: bytes
    content: str = ""
    closes: bool = False


class ServedApi(Protocol):
    """One endpoint that answers chat requests."""

    @property
    def api(self) -> ChatApi:
        """Its short name."""
        ...

    @property
    def provider(self) -> Provider:
        """Whose API it is."""
        ...

    def read(self, body: JsonObject, attempt: int) -> ChatRequest:
        """Read a request; raises `Problem` where the provider answers 400."""
        ...

    def whole(self, answer: Answer) -> JsonObject:
        """Write the answer as one document."""
        ...

    def pieces(self, answer: Answer) -> Iterator[StreamPiece]:
        """Write the answer as server-sent events."""
        ...

    def stream_error(self, document: JsonObject) -> bytes:
        """Write an error in the middle of a stream."""
        ...
