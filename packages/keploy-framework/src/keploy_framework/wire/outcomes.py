"""What a tee has to say about a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from keploy_framework.errors import WireError
    from keploy_framework.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Recorded:
    """An exchange, whole or as far as it came.

    Args:
        exchange: The request and its final answer.
        unfinished: Which of the two was cut short; empty for none. Its body is what came.
        closed_by: Who closed the connection first where something was cut short.
    """

    exchange: Exchange
    unfinished: Literal["", "request", "response"] = ""
    closed_by: Literal["", "client", "server"] = ""


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """Something that passed and was not recorded.

    Args:
        reason: Why, in a word or two that never change: ``request-too-large``, ``unanswered``,
            ``too-many-pending``, ``switched``, ``fault``, or the reason of the error.
        problem: What happened, for a person to read. It holds no header and no query.
        at: When, in nanoseconds since 1970.
        method: That of the request it is about; empty where none is known.
        path: That of the request, without the query.
        stopped: Whether nothing more is recorded on the connection.
        error: What was wrong with the bytes; None where nothing was.
    """

    reason: str
    problem: str
    at: int
    method: str = ""
    path: str = ""
    stopped: bool = False
    error: WireError | None = None


Outcome: TypeAlias = Recorded | Unrecorded
