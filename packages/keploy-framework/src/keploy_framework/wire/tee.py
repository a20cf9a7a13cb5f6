"""Watch the bytes of one connection and make an exchange of each request and its answer."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Literal

from .bodies import RequestBody, ResponseBody
from .events import Data, End, Refused, RequestHead, ResponseHead, Tunnel
from .frames import is_stream
from .limits import Limits
from .messages import RequestParser, ResponseParser
from .outcomes import Unrecorded
from .pending import Pending

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keploy_framework.errors import WireError

    from .events import Event
    from .outcomes import Outcome

_MEBIBYTE: Final = 1_048_576
_DEFAULT_LIMITS: Final = Limits()


class Tee:
    """Make exchanges of what two peers send one another over one connection.

    It is told every piece of bytes after the relay passed it on, and gives what the piece
    completed: mostly nothing, sometimes an exchange. Exchanges come in the order of the requests.
    Nothing here waits, and nothing is ever raised: what cannot be read is given as `Unrecorded`
    once, and then the tee has stopped and costs nothing. Bodies keep their content encodings.
    Memory is bounded by the arguments. Not safe to use from two threads.

    A response comes with its chunks where it is a stream: server-sent events and lines of JSON
    by their type, and everything that came chunked. Interim responses such as 100 Continue are
    never recorded.

    Args:
        connection: Tells this connection from others in the exchanges.
        scheme: ``http`` or ``https``, as the client meant it.
        host: The host the client meant, where the relay knows it better than the request does.
        memory_bytes: How much of the request bodies is kept in memory, over all pending ones;
            more goes to temporary files.
        request_bytes: The most bytes of a request body. An exchange with more is dropped.
        response_bytes: The most bytes of a response body. Of a larger one only the size is kept.
        pending: The most requests that may wait for their answers.
        limits: What the head of one message may hold.
    """

    __slots__ = (
        "_client_closed",
        "_connection",
        "_host",
        "_limits",
        "_memory_bytes",
        "_most_pending",
        "_outcomes",
        "_partial_began",
        "_pending",
        "_request_bytes",
        "_requests",
        "_response_bytes",
        "_responses",
        "_scheme",
        "_stopped",
    )

    def __init__(
        self,
        *,
        connection: str = "",
        scheme: str = "http",
        host: str = "",
        memory_bytes: int = _MEBIBYTE,
        request_bytes: int = 64 * _MEBIBYTE,
        response_bytes: int = _MEBIBYTE,
        pending: int = 100,
        limits: Limits = _DEFAULT_LIMITS,
    ) -> None:
        self._connection = connection
        self._scheme = scheme
        self._host = host
        self._memory_bytes = memory_bytes
        self._request_bytes = request_bytes
        self._response_bytes = response_bytes
        self._most_pending = pending
        self._requests = RequestParser(limits)
        self._responses = ResponseParser(limits)
        self._pending: deque[Pending] = deque()
        self._outcomes: list[Outcome] = []
        # When the first byte of a request came whose head is not complete yet.
        self._partial_began: int | None = None
        self._client_closed = False
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether nothing more is recorded on this connection."""
        return self._stopped

    @property
    def pending(self) -> int:
        """How many requests have no complete answer yet."""
        return len(self._pending)

    def client_sent(self, data: bytes, now_ns: int) -> tuple[Outcome, ...]:
        """Take what the client sent and give what it completed.

        Args:
            data: Of any length. The bytes must not change later.
            now_ns: When it came, in nanoseconds since 1970.
        """
        if self._stopped:
            return ()
        try:
            self._take_requests(self._requests.feed(data), now_ns)
        except Exception as error:  # noqa: BLE001 - a fault here must not reach the connection
            self._fault(error, now_ns)
        return self._given()

    def server_sent(self, data: bytes, now_ns: int) -> tuple[Outcome, ...]:
        """Take what the server sent and give what it completed.

        Args:
            data: Of any length. The bytes must not change later.
            now_ns: When it came, in nanoseconds since 1970.
        """
        if self._stopped:
            return ()
        try:
            self._take_responses(self._responses.feed(data), now_ns)
        except Exception as error:  # noqa: BLE001 - a fault here must not reach the connection
            self._fault(error, now_ns)
        return self._given()

    def client_closed(self, now_ns: int) -> tuple[Outcome, ...]:
        """Take the end of what the client sends. Answers may still come.

        Args:
            now_ns: When it came, in nanoseconds since 1970.
        """
        self._client_closed = True
        if self._stopped:
            return ()
        try:
            if self._pending and self._pending[0].ended is not None:
                self._give(now_ns, unfinished="request")
            if not self._pending:
                self._stop()
        except Exception as error:  # noqa: BLE001 - a fault here must not reach the connection
            self._fault(error, now_ns)
        return self._given()

    def server_closed(self, now_ns: int) -> tuple[Outcome, ...]:
        """Take the end of what the server sends, and give all that is left. The tee stops.

        A relay whose client is gone calls this as soon as it passes no more answers on.

        Args:
            now_ns: When it came, in nanoseconds since 1970.
        """
        if self._stopped:
            return ()
        try:
            ends = [event for event in self._responses.close() if isinstance(event, End)]
            self._take_responses(ends, now_ns)
            while self._pending:
                complete = self._pending[0].ended is not None
                self._give(now_ns, unfinished="request" if complete else "response")
        except Exception as error:  # noqa: BLE001 - a fault here must not reach the connection
            self._fault(error, now_ns)
        self._stop()
        return self._given()

    def _take_requests(self, events: Iterable[Event], now: int) -> None:
        for event in events:
            if isinstance(event, RequestHead):
                self._begin(event, now)
            elif isinstance(event, Data):
                pending = self._pending[-1]
                if pending.body is None:
                    held = sum(each.body.held for each in self._pending if each.body is not None)
                    pending.body = RequestBody(self._memory_bytes - held, self._request_bytes)
                pending.body.add(event.data)
            elif isinstance(event, End):
                pending = self._pending[-1]
                pending.sent = True
                if pending.ended is not None:
                    self._give(now)
                if pending.answer is not None and self._requests.paused:
                    self._take_requests(self._requests.proceed(), now)
            elif isinstance(event, Refused):
                self._refuse(event.error, now)
            if self._stopped:
                return
        if self._requests.waiting and (not self._pending or self._pending[-1].sent):
            self._partial_began = now if self._partial_began is None else self._partial_began

    def _begin(self, head: RequestHead, now: int) -> None:
        if len(self._pending) >= self._most_pending:
            problem = f"more than {self._most_pending} requests wait for answers; raise the limit"
            self._lose("too-many-pending", problem, now)
            return
        began = now if self._partial_began is None else self._partial_began
        self._pending.append(Pending(head, began))
        self._partial_began = None
        self._responses.expect(head.method, upgrade=bool(head.upgrade))

    def _take_responses(self, events: Iterable[Event], now: int) -> None:
        for event in events:
            if isinstance(event, ResponseHead):
                if not event.interim:
                    self._answer(event, now)
            elif isinstance(event, Data):
                body = self._pending[0].answer_body
                assert body is not None
                body.add(event.data, now)
            elif isinstance(event, End):
                pending = self._pending[0]
                pending.ended = now
                if pending.sent:
                    self._give(now)
            elif isinstance(event, Tunnel):
                protocol = self._pending[0].head.upgrade or "a tunnel"
                self._lose("switched", f"the connection switched to {protocol[:40]!r}", now)
            elif isinstance(event, Refused):
                self._refuse(event.error, now)
            if self._stopped:
                return

    def _answer(self, head: ResponseHead, now: int) -> None:
        pending = self._pending[0]
        pending.answer = head
        if head.length != 0:
            timed = head.chunked or is_stream(head.content_type)
            pending.answer_body = ResponseBody(self._response_bytes, timed=timed)
        if self._requests.paused and not head.switches:
            self._take_requests(self._requests.proceed(), now)

    def _give(self, now: int, unfinished: Literal["", "request", "response"] = "") -> None:
        """Make the outcome of the request that waited longest."""
        pending = self._pending.popleft()
        self._outcomes.append(
            pending.outcome(
                now,
                unfinished,
                connection=self._connection,
                scheme=self._scheme,
                host=self._host,
                client_closed=self._client_closed,
            )
        )

    def _refuse(self, error: WireError, now: int) -> None:
        self._lose(error.reason, error.problem, now, error)

    def _fault(self, error: Exception, now: int) -> None:
        # The text of an error from anywhere may hold what was sent.
        what = error.strerror if isinstance(error, OSError) else None
        self._lose("fault", f"the recorder failed with {type(error).__name__}: {what}", now)

    def _lose(self, reason: str, problem: str, now: int, error: WireError | None = None) -> None:
        """Stop, and say so of every request that waits; of none where none does."""
        lost = [(pending.head.method, pending.path) for pending in self._pending] or [("", "")]
        for number, (method, path) in enumerate(lost, 1):
            stopped = number == len(lost)
            self._outcomes.append(
                Unrecorded(reason, problem, now, method, path, stopped=stopped, error=error)
            )
        self._stop()

    def _stop(self) -> None:
        for pending in self._pending:
            pending.close()
        self._pending.clear()
        self._stopped = True

    def _given(self) -> tuple[Outcome, ...]:
        if not self._outcomes:
            return ()
        outcomes, self._outcomes = tuple(self._outcomes), []
        return outcomes
