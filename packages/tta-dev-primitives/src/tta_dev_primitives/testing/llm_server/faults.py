"""The ways a provider fails, as values, and how often each is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tta_dev_primitives.testing.llm_server.draws import Draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way a request goes wrong; the classes below are the ways there are.

    Args:
        after_seconds: Wait before the fault shows. Faults that spoil an answer (`StreamAbort`,
            `SlowChunks`, `MalformedBody`) add it to the model's latency; for the others it is
            the whole wait.
    """

    after_seconds: float = 0.0

    def __post_init__(self) -> None:
        if type(self) is Fault:
            msg = "Fault is only the base class, use one of its kinds, for example Overloaded()"
            raise TypeError(msg)
        if self.after_seconds < 0:
            msg = f"after_seconds must be 0 or more, got {self.after_seconds!r}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited(Fault):
    """Answer 429 with `Retry-After` and rate headers that show nothing left.

    Args:
        retry_after: Seconds, sent as they are (OpenAI: in milliseconds as well). A text is sent
            verbatim, for HTTP dates and nonsense. None sends no such header.
        quota_exhausted: OpenAI's `insufficient_quota` (Anthropic: a 403 on billing), which no
            wait cures.
    """

    retry_after: float | str | None = 1.0
    quota_exhausted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorStatus(Fault):
    """Answer with an error status in the provider's own shape.

    Args:
        status: 400 to 599.
        message: None takes the provider's usual words.
        should_retry: Sets `x-should-retry`, which both SDKs obey before anything else. None is
            what the provider does: Anthropic sends it on every error, OpenAI never.
    """

    status: int = 500
    message: str | None = None
    should_retry: bool | None = None

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if not 400 <= self.status <= 599:
            msg = f"status of an error must be 400 to 599, got {self.status!r}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overloaded(Fault):
    """Answer Anthropic's 529 `overloaded_error`, or what OpenAI sends instead, a 503."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedConnection(Fault):
    """Reset the connection (RST) after reading the request, with no answer at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAbort(Fault):
    """Break an answer off: a stream after some chunks, a plain body half way.

    Args:
        after_chunks: Chunks with content that still arrive.
        error_event: End with the provider's error event rather than by hanging up.
    """

    after_chunks: int = 1
    error_event: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowChunks(Fault):
    """Send the whole answer, but with a pause before every chunk.

    Args:
        seconds_per_chunk: Length of the pause. A plain body is sent in four pieces.
    """

    seconds_per_chunk: float = 0.5

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if self.seconds_per_chunk < 0:
            msg = f"seconds_per_chunk must be 0 or more, got {self.seconds_per_chunk!r}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedBody(Fault):
    """Answer 200 with JSON that breaks off, in a complete and well-framed body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang(Fault):
    """Never answer; ends when the client leaves or the server closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    """How often each fault is drawn, as probabilities that add up to at most 1.

    Args:
        retry_after_seconds: What a drawn 429 asks for.
        slow_chunk_seconds: The pause of drawn slow chunks.
        abort_after_chunks: How many chunks a drawn abort lets through.
    """

    rate_limited: float = 0.0
    server_error: float = 0.0
    overloaded: float = 0.0
    dropped_connection: float = 0.0
    stream_abort: float = 0.0
    slow_chunks: float = 0.0
    malformed_body: float = 0.0
    hang: float = 0.0
    retry_after_seconds: float = 1.0
    slow_chunk_seconds: float = 0.5
    abort_after_chunks: int = 1

    def __post_init__(self) -> None:
        total = 0.0
        for kind in _KINDS:
            rate: float = getattr(self, kind)
            if not 0 <= rate <= 1:
                msg = f"{kind} is a probability between 0 and 1, got {rate!r}"
                raise ValueError(msg)
            total += rate
        if total > 1 + 1e-9:
            msg = f"fault rates add up to {total:g}, lower them to at most 1"
            raise ValueError(msg)

    def draw(self, draws: Draws) -> Fault | None:
        """Pick the fault of one request, or None."""
        point = draws.fraction("fault")
        for kind in _KINDS:
            rate: float = getattr(self, kind)
            if point < rate:
                return self._fault(kind)
            point -= rate
        return None

    def _fault(self, kind: str) -> Fault:
        match kind:
            case "rate_limited":
                return RateLimited(retry_after=self.retry_after_seconds)
            case "server_error":
                return ErrorStatus()
            case "overloaded":
                return Overloaded()
            case "dropped_connection":
                return DroppedConnection()
            case "stream_abort":
                return StreamAbort(after_chunks=self.abort_after_chunks)
            case "slow_chunks":
                return SlowChunks(seconds_per_chunk=self.slow_chunk_seconds)
            case "malformed_body":
                return MalformedBody()
            case _:
                return Hang()


_KINDS = (
    "rate_limited",
    "server_error",
    "overloaded",
    "dropped_connection",
    "stream_abort",
    "slow_chunks",
    "malformed_body",
    "hang",
)
