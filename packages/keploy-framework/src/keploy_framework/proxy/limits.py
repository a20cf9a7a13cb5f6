"""What a listener bears: how many connections, how long, and how much it reads itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from keploy_framework.wire import Limits

_MEBIBYTE = 1_048_576


@dataclass(frozen=True, slots=True)
class ProxyLimits:
    """Bounds on what clients may take up.

    They hold for what a listener reads for itself. Streams that are only passed on have no limit
    of time or size, as their two ends have their own.

    Args:
        connections: The most open connections; a further one is reset.
        idle_seconds: How long a connection may wait for its next request.
        head_seconds: How long the head of a request may take from its first byte on.
        body_seconds: How long each piece of a request's body may take.
        connect_seconds: How long connecting to a server may take.
        handshake_seconds: How long a TLS handshake may take.
        first_byte_seconds: How long the client of a tunnel may be silent before the server is
            let speak first.
        request_bytes: The most bytes of a request's body that is answered from mocks.
        message: What the head of one message may hold.

    Raises:
        ValueError: A bound is not positive.
    """

    connections: int = 1000
    idle_seconds: float = 300.0
    head_seconds: float = 20.0
    body_seconds: float = 60.0
    connect_seconds: float = 30.0
    handshake_seconds: float = 20.0
    first_byte_seconds: float = 1.0
    request_bytes: int = 64 * _MEBIBYTE
    message: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name in self.__slots__:
            bound: object = getattr(self, name)
            if isinstance(bound, int | float) and not bound > 0:
                msg = f"{name} must be positive, got {bound!r}; give a number above 0"
                raise ValueError(msg)
