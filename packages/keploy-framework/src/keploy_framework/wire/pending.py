"""A request that waits for its answer, and the exchange that becomes of the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from keploy_framework.exchange import Exchange, Request, Response

from .framing import split_target
from .outcomes import Recorded, Unrecorded

if TYPE_CHECKING:
    from .bodies import RequestBody, ResponseBody
    from .events import RequestHead, ResponseHead
    from .outcomes import Outcome

_PORTS: Final = {"http": ":80", "https": ":443"}


@dataclass(slots=True)
class Pending:
    """A request whose exchange is not complete.

    Args:
        head: Its first line and headers.
        began: When its first byte came, in nanoseconds since 1970.
        body: What came of its body; None while nothing did.
        sent: Whether all of it came.
        answer: The head of the final answer; None while it has not come.
        answer_body: What came of the answer's body; None where it has none.
        ended: When the last byte of the answer came; None while it has not.
    """

    head: RequestHead
    began: int
    body: RequestBody | None = None
    sent: bool = False
    answer: ResponseHead | None = None
    answer_body: ResponseBody | None = None
    ended: int | None = None

    @property
    def path(self) -> str:
        """The path without the query, which may hold a key."""
        return split_target(self.head.target)[2].partition("?")[0]

    def close(self) -> None:
        """Let go of what is kept of the request's body."""
        if self.body is not None:
            self.body.close()

    def outcome(
        self,
        now: int,
        unfinished: Literal["", "request", "response"],
        *,
        connection: str,
        scheme: str,
        host: str,
        client_closed: bool,
    ) -> Outcome:
        """Make the exchange, or say why there is none; lets go of what is kept.

        Raises:
            OSError: The temporary file of the request's body cannot be read.
        """
        if self.answer is None:
            return self._unrecorded("unanswered", "the connection ended before an answer", now)
        if self.body is not None and self.body.too_large:
            problem = f"the request's body has {self.body.size} bytes; raise the limit to record it"
            return self._unrecorded("request-too-large", problem, now)
        exchange = Exchange(
            self._request(scheme, host),
            self._response(self.answer),
            self.began,
            now if self.ended is None else self.ended,
            connection,
        )
        if not unfinished:
            return Recorded(exchange)
        return Recorded(exchange, unfinished, "client" if client_closed else "server")

    def _request(self, scheme: str, host: str) -> Request:
        head = self.head
        target, host = head.target, host or head.host
        if not target.startswith("/"):
            meant_scheme, meant_host, target = split_target(target)
            scheme, host = meant_scheme or scheme, meant_host or host
        host = host.removesuffix(_PORTS.get(scheme, ""))
        body = b"" if self.body is None else self.body.take()
        return Request(head.method, target, head.headers, body, scheme, host)

    def _response(self, head: ResponseHead) -> Response:
        if self.answer_body is None:
            return Response(head.status, head.reason, head.headers)
        body, chunks = self.answer_body.take()
        return Response(head.status, head.reason, head.headers, body, chunks, self.answer_body.size)

    def _unrecorded(self, reason: str, problem: str, now: int) -> Unrecorded:
        self.close()
        return Unrecorded(reason, problem, now, self.head.method, self.path)
