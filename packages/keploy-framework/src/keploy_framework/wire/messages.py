"""The two directions of a connection: a parser of requests and one of responses."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import WireError

from .events import Refused, RequestHead, ResponseHead, Tunnel
from .fields import NAME, VALUE
from .framing import (
    asked_upgrade,
    body_length,
    check_host,
    check_target,
    keeps_alive,
    telling_headers,
)
from .limits import Limits
from .parser import MessageParser
from .refusals import Reason, refusal

if TYPE_CHECKING:
    from keploy_framework.exchange import Headers

    from .events import Event

# Bytes from 0x80 on are no part of a target by the standard, but clients send UTF-8 as it is.
_REQUEST_LINE: Final = re.compile(rf"({NAME}) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])\r\n")
_STATUS_LINE: Final = re.compile(rf"HTTP/1\.([01]) ([1-9][0-9]{{2}})(?: ({VALUE}))?\r\n")
_TOKEN_BYTE: Final = re.compile(NAME[:-1].encode())
_DEFAULT_LIMITS: Final = Limits()
_SWITCHING = 101
_BODYLESS: Final = frozenset((204, 304))


class RequestParser(MessageParser):
    """Read the requests that a client sends on one connection.

    After a request that asks to switch protocols (CONNECT, or an Upgrade) nothing more is read
    until `proceed` or `switch` says what the answer was. What follows a request that ends the
    connection is ignored. Not safe to feed from two threads.

    Decisions where the standard leaves room: a line of the head ends with CRLF, never with LF
    alone; one empty line before a request is skipped; folded headers are refused; bytes from 0x80
    on are taken in a target.

    Args:
        limits: What one request may hold.
    """

    __slots__ = ("_keep_alive", "_request_line", "_skipped", "_switching")

    def __init__(self, limits: Limits = _DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._request_line = ("", "", 1)
        self._skipped = False
        self._keep_alive = True
        self._switching = False

    @property
    def paused(self) -> bool:
        """Whether the request asked to switch, and nobody said yet what the answer was."""
        return self._step is MessageParser._hold

    def proceed(self) -> list[Event]:
        """Read on after a pause: the switch was declined. Gives what was held."""
        if self.paused:
            self._step = (
                MessageParser._read_first_line if self._keep_alive else MessageParser._ignore
            )
        return self.feed(b"")

    def switch(self) -> list[Event]:
        """Pass everything on as another protocol, first what was held, in one `Tunnel`."""
        held, self._rest = self._rest, b""
        self._step = MessageParser._pass
        return [Tunnel(held)]

    def close(self) -> list[Event]:
        """Take the end of the stream; within a request it gives `Refused`. Never raises."""
        if self.paused:
            self._step = MessageParser._ignore
        return super().close()

    def _check_first_byte(self, data: bytes, position: int) -> None:
        maybe_empty_line = not self._skipped and data[position:] == b"\r"
        if not maybe_empty_line and not _TOKEN_BYTE.match(data, position):
            raise refusal(Reason.NOT_HTTP)

    def _take_first_line(self, text: str) -> int:
        found = _REQUEST_LINE.match(text)
        if found is None:
            return 0
        method, target, minor_version = found.groups()
        if target[0] != "/" or method == "CONNECT":
            check_target(method, target)
        self._request_line = (method, target, int(minor_version))
        return found.end()

    def _skip_line(self, line: str) -> bool:
        skipped, self._skipped = self._skipped, True
        return line == "\r\n" and not skipped

    def _take_head(self, headers: Headers, events: list[Event]) -> None:
        method, target, minor_version = self._request_line
        found = telling_headers(headers)
        check_host(found, minor_version)
        length = body_length(found, minor_version)
        if length == -1:
            length = 0
        elif length:
            self._check_body(length)
        self._keep_alive = keeps_alive(found, minor_version)
        upgrade = asked_upgrade(found, minor_version) if "upgrade" in found else ""
        self._switching = bool(upgrade) or method == "CONNECT"
        self._skipped = False
        expects = "expect" in found and found["expect"].lower() == "100-continue"
        events.append(
            RequestHead(
                method,
                target,
                headers,
                minor_version,
                self._keep_alive,
                length,
                upgrade,
                expects and minor_version == 1,
                found.get("host", ""),
            )
        )
        self._start_body(length, events)

    def _after_message(self) -> None:
        if self._switching:
            self._step = MessageParser._hold
        else:
            self._step = (
                MessageParser._read_first_line if self._keep_alive else MessageParser._ignore
            )


class ResponseParser(MessageParser):
    """Read the responses that a server sends on one connection.

    `expect` must be told each request before its response comes, as the request decides where
    the response ends. Interim responses (1xx) are given and do not use a request up. After a
    switch (101, or success of CONNECT) everything comes as `Tunnel`. What follows a response that
    ends the connection is ignored. Not safe to feed from two threads.

    Args:
        limits: What one response may hold.
    """

    __slots__ = ("_expected", "_keep_alive", "_status_line")

    def __init__(self, limits: Limits = _DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._expected: deque[tuple[str, bool]] = deque()
        self._status_line = (0, "", 1)
        self._keep_alive = True

    def expect(self, method: str, *, upgrade: bool = False) -> None:
        """Say that a response to *method* will come after those already expected.

        Args:
            method: In the case of the wire.
            upgrade: Whether the request asked to switch protocols, so that 101 may come.
        """
        self._expected.append((method, upgrade))

    def close(self) -> list[Event]:
        """Take the end of the stream: the end of a body without a length, else `Refused`.

        It gives nothing where no response is missing. Never raises.
        """
        waiting = self._step is MessageParser._read_first_line and self._expected
        events = super().close()
        if waiting and not events:
            events.append(Refused(self._judged(refusal(Reason.CUT_SHORT))))
        return events

    def _judged(self, error: WireError) -> WireError:
        # Whoever passes the response on is the gateway; its own client did nothing wrong.
        return WireError(error.reason, error.problem, status=502, refuse=error.refuse)

    def _check_first_byte(self, data: bytes, position: int) -> None:
        found = data[position : position + 5]
        if not self._expected:
            raise refusal(Reason.UNASKED_RESPONSE)
        if found != b"HTTP/"[: len(found)]:
            raise refusal(Reason.NOT_HTTP)

    def _take_first_line(self, text: str) -> int:
        found = _STATUS_LINE.match(text)
        if found is None or not self._expected:
            return 0
        minor_version, status, reason = found.groups()
        self._status_line = (int(status), reason or "", int(minor_version))
        return found.end()

    def _take_head(self, headers: Headers, events: list[Event]) -> None:
        status, reason, minor_version = self._status_line
        method, upgrade = self._expected[0]
        found = telling_headers(headers)
        length = body_length(found, minor_version)
        self._keep_alive = keeps_alive(found, minor_version)
        switches = status == _SWITCHING or (method == "CONNECT" and 200 <= status < 300)
        if status == _SWITCHING and not upgrade:
            raise refusal(Reason.UNASKED_SWITCH)
        bodyless = switches or status < 200 or status in _BODYLESS or method == "HEAD"
        chunked = length is None and not bodyless
        until_close = length == -1 and not bodyless
        if bodyless:
            length = 0
        elif length:
            self._check_body(length)
        head = ResponseHead(
            status,
            reason,
            headers,
            minor_version,
            self._keep_alive and not until_close,
            None if until_close else length,
            chunked,
            found.get("content-type", ""),
            switches,
        )
        events.append(head)
        if head.interim:
            self._step = MessageParser._read_first_line
            return
        self._expected.popleft()
        if switches:
            self._step = MessageParser._pass
            events.append(Tunnel(b""))
        elif until_close:
            self._taken = 0
            self._step = MessageParser._read_until_close
        else:
            self._start_body(length, events)

    def _after_message(self) -> None:
        self._step = MessageParser._read_first_line if self._keep_alive else MessageParser._ignore
