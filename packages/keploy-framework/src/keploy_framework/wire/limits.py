"""How much of a message is taken before it is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one message may hold.

    Args:
        head_bytes: The first line and the headers, or the trailers, in bytes.
        line_bytes: One line of these, in bytes.
        headers: How many headers, or trailers.
        chunk_line_bytes: The line before a chunk, its extensions included, in bytes.
        body_bytes: The body in bytes; None for any length. Bodies are passed on in pieces, so
            their length costs no memory here.

    Raises:
        ValueError: A bound is not positive.
    """

    head_bytes: int = 65_536
    line_bytes: int = 32_768
    headers: int = 200
    chunk_line_bytes: int = 4096
    body_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            bound: int | None = getattr(self, name)
            if bound is not None and bound < 1:
                msg = f"{name} must be positive, got {bound!r}; give a number of bytes or headers"
                raise ValueError(msg)
