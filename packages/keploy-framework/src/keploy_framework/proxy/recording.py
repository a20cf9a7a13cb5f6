"""Where exchanges go: the tap on a connection, and the callbacks behind it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from keploy_framework.wire import Recorded, Tee, Unrecorded

from .passing import host_and_port, passing_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from keploy_framework.exchange import Exchange
    from keploy_framework.wire import Outcome

    from .passing import PassRule


_Value = TypeVar("_Value")


class Reporter:
    """Say what was not recorded, or not answered, to a callback that cannot disturb anything.

    Args:
        on_unrecorded: Gets each finding with its reason; None for nobody.
        now_ns: The clock, in nanoseconds since 1970.

    Attributes:
        failures: How many times a callback raised.
        last_failure: The type of the last error a callback raised; its text may hold secrets.
    """

    def __init__(
        self,
        on_unrecorded: Callable[[Unrecorded], None] | None = None,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.now_ns = now_ns
        self.failures = 0
        self.last_failure = ""
        self._on_unrecorded = on_unrecorded

    def report(self, reason: str, problem: str, method: str = "", path: str = "") -> None:
        """Tell one finding; never raises."""
        self._tell(Unrecorded(reason, problem, self.now_ns(), method, path))

    def _tell(self, finding: Unrecorded) -> None:
        if self._on_unrecorded is not None:
            self._guarded(self._on_unrecorded, finding)

    def _guarded(self, callback: Callable[[_Value], None], value: _Value) -> None:
        try:
            callback(value)
        except Exception as error:  # noqa: BLE001 - a failing recorder stays outside
            self.failures += 1
            self.last_failure = type(error).__name__


class Recording(Reporter):
    """Hand exchanges to a recorder that can never disturb a connection.

    The callbacks run in the event loop, after the bytes were passed on, so they should only put
    the exchange into a queue. What they raise is counted and kept out of the connection.

    Args:
        on_exchange: Gets each exchange as its response ends. One whose client left a stream
            before its end is given with the chunks that came.
        on_unrecorded: Gets what passed and was not recorded, each with its reason.
        now_ns: The clock, in nanoseconds since 1970.
        response_bytes: The longest body of a response that is kept.
        whole_only: Whether an exchange whose body was not kept is reported as unrecorded, rather
            than given with the length alone.
    """

    def __init__(
        self,
        on_exchange: Callable[[Exchange], None],
        on_unrecorded: Callable[[Unrecorded], None] | None = None,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        response_bytes: int = 1 << 20,
        whole_only: bool = False,
    ) -> None:
        super().__init__(on_unrecorded, now_ns=now_ns)
        self.response_bytes = response_bytes
        self._whole_only = whole_only
        self._on_exchange = on_exchange

    def give(self, outcomes: Iterable[Outcome], rules: Iterable[PassRule] = ()) -> None:
        """Hand outcomes on, but for exchanges that a rule passes; never raises."""
        for outcome in outcomes:
            if isinstance(outcome, Unrecorded):
                self._tell(outcome)
            elif not _is_passed(outcome.exchange, rules):
                self._give(outcome)

    def _give(self, outcome: Recorded) -> None:
        exchange = outcome.exchange
        if outcome.unfinished and not _left_stream(outcome):
            reason = "cut-short"
            problem = f"the {outcome.unfinished} was cut short by the {outcome.closed_by}"
        elif self._whole_only and exchange.response.body_skipped:
            reason = "response-too-large"
            problem = f"the response has more than {self.response_bytes} bytes"
        else:
            self._guarded(self._on_exchange, exchange)
            return
        request = exchange.request
        path = request.target.partition("?")[0]
        self._tell(Unrecorded(reason, problem, exchange.ended, request.method, path))


class Tap:
    """Watch the bytes of one connection; nothing here raises or waits.

    Args:
        recording: Gets what is found.
        connection: Tells this connection from others.
        scheme: ``http`` or ``https``, as the client meant it.
        host: The host the client meant; empty where its requests say so best.
        rules: Exchanges that are not handed on.
    """

    __slots__ = ("_client_closed", "_now", "_recording", "_rules", "_tee")

    def __init__(
        self,
        recording: Recording,
        *,
        connection: str,
        scheme: str = "http",
        host: str = "",
        rules: tuple[PassRule, ...] = (),
    ) -> None:
        self._recording = recording
        self._now = recording.now_ns
        self._rules = rules
        self._tee = Tee(
            connection=connection,
            scheme=scheme,
            host=host,
            response_bytes=recording.response_bytes,
        )
        self._client_closed = False

    def client_sent(self, data: bytes) -> None:
        """Take what the client sent."""
        outcomes = self._tee.client_sent(data, self._now())
        if outcomes:
            self._recording.give(outcomes, self._rules)

    def server_sent(self, data: bytes) -> None:
        """Take what the server sent."""
        outcomes = self._tee.server_sent(data, self._now())
        if outcomes:
            self._recording.give(outcomes, self._rules)

    def client_closed(self) -> None:
        """Take the end of what the client sends."""
        if not self._client_closed:
            self._client_closed = True
            self._recording.give(self._tee.client_closed(self._now()), self._rules)

    def server_closed(self) -> None:
        """Take the end of what is passed on to the client."""
        self._recording.give(self._tee.server_closed(self._now()), self._rules)


def _is_passed(exchange: Exchange, rules: Iterable[PassRule]) -> bool:
    if not rules:
        return False
    request = exchange.request
    host, port = host_and_port(request.host, request.scheme)
    return passing_rule(rules, host, port, request.target.partition("?")[0]) is not None


def _left_stream(outcome: Recorded) -> bool:
    """Tell whether the client had enough of a stream, as chat windows that are closed do."""
    cut = outcome.unfinished == "response" and outcome.closed_by == "client"
    return cut and bool(outcome.exchange.response.chunks)
