"""Read a stream of HTTP/1 messages piece by piece: what requests and responses share."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import WireError

from .events import Data, End, Refused, Tunnel
from .fields import parse_fields
from .limits import Limits
from .refusals import Reason, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from keploy_framework.exchange import Headers

    from .events import Event

_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e\x80-\xff]*)?")
_BARE_LINE_FEED: Final = re.compile(rb"(?<!\r)\n")
_VERSION: Final = re.compile(r"HTTP/([0-9](?:\.[0-9])?)(?=\s)")
_END: Final = End()
_DEFAULT_LIMITS: Final = Limits()
_MORE = -1


class MessageParser(ABC):
    """Turn bytes into events, wherever the bytes are cut.

    Each step takes bytes from a position on and gives the position it came to, or `_MORE`
    where it needs bytes that have not come yet. Only an unfinished line or head is kept.
    """

    __slots__ = ("_left", "_limits", "_rest", "_scanned", "_step", "_taken")

    def __init__(self, limits: Limits = _DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._rest = b""
        self._scanned = 0
        self._left = 0
        self._taken = 0
        # A function, not a method of this object, which would then hold itself.
        self._step: Callable[[MessageParser, bytes, int, list[Event]], int]
        self._step = MessageParser._read_first_line

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes and give what they complete, in order; never raises.

        A stream that cannot be read gives `Refused` as its last event; later bytes give none.

        Args:
            data: Of any length. The bytes must not change later.
        """
        if self._rest:
            data, self._rest = self._rest + data, b""
        events: list[Event] = []
        position, end = 0, len(data)
        try:
            while position < end:
                reached = self._step(self, data, position, events)
                if reached == _MORE:
                    self._rest = data[position:]
                    break
                position = reached
        except WireError as error:
            self._step = MessageParser._ignore
            events.append(Refused(self._judged(error)))
        return events

    def close(self) -> list[Event]:
        """Take the end of the stream and give what it completes; never raises."""
        step, self._step = self._step, MessageParser._ignore
        if step is MessageParser._read_until_close:
            return [_END]
        between = step is MessageParser._read_first_line and not self._rest
        if between or step in (MessageParser._ignore, MessageParser._pass):
            return []
        return [Refused(self._judged(refusal(Reason.CUT_SHORT)))]

    @property
    def waiting(self) -> bool:
        """Whether bytes came that wait for others, such as the half of a head."""
        return bool(self._rest) or self._step is MessageParser._read_headers

    def _judged(self, error: WireError) -> WireError:
        return error

    @abstractmethod
    def _check_first_byte(self, data: bytes, position: int) -> None:
        """Refuse what cannot become a first line, before the whole of it came."""
        ...

    @abstractmethod
    def _take_first_line(self, text: str) -> int:
        """Read the first line that *text* begins with; give where it ends, 0 for none."""
        ...

    def _skip_line(self, line: str) -> bool:
        """Tell whether *line* may stand before a first line, meaning nothing."""
        return False

    @abstractmethod
    def _take_head(self, headers: Headers, events: list[Event]) -> None:
        """Add the head to the events and set the step that reads what follows it."""
        ...

    @abstractmethod
    def _after_message(self) -> None:
        """Set the step that reads what follows the message."""
        ...

    def _read_first_line(self, data: bytes, position: int, events: list[Event]) -> int:
        limit = self._limits.line_bytes
        end = data.find(b"\r\n\r\n", position, position + limit)
        # Nearly every head comes whole and is small; the steps below are for the others.
        if end >= 0:
            text = data[position : end + 2].decode("latin-1")
            start = self._take_first_line(text)
            if start:
                self._take_head(parse_fields(text, self._limits.headers, start), events)
                return end + 4
        end = data.find(b"\n", position, position + limit) + 1
        if not end:
            self._check_first_byte(data, position)
            if len(data) - position >= limit:
                raise refusal(Reason.TARGET_TOO_LONG, limit)
            return _MORE
        if data[end - 2 : end] != b"\r\n" or end - 2 < position:
            self._check_first_byte(data, position)
            raise refusal(Reason.BARE_LINE_FEED)
        line = data[position:end].decode("latin-1")
        if self._take_first_line(line):
            self._step = MessageParser._read_headers
        elif not self._skip_line(line):
            self._check_first_byte(data, position)
            raise _first_line_fault(line)
        return end

    def _read_headers(self, data: bytes, position: int, events: list[Event]) -> int:
        end = self._end_of_fields(data, position)
        if end != _MORE:
            self._take_head(self._fields(data[position : end - 2]), events)
        return end

    def _fields(self, lines: bytes) -> Headers:
        text = lines.decode("latin-1")
        if len(text) > self._limits.line_bytes:
            self._check_lines(text)
        return parse_fields(text, self._limits.headers)

    def _end_of_fields(self, data: bytes, position: int) -> int:
        """Find where the empty line after the fields ends."""
        if data.startswith(b"\r\n", position):
            return position + 2
        limit = position + self._limits.head_bytes
        scanned = position + self._scanned
        end = data.find(b"\r\n\r\n", max(position, scanned - 3), limit)
        if end >= 0:
            self._scanned = 0
            return end + 4
        # A head that ends its lines with LF alone would wait for its end for ever.
        if _BARE_LINE_FEED.search(data, scanned, limit):
            raise refusal(Reason.BARE_LINE_FEED)
        if len(data) >= limit:
            raise refusal(Reason.HEAD_TOO_LARGE, self._limits.head_bytes)
        self._scanned = len(data) - position
        return _MORE

    def _check_lines(self, text: str) -> None:
        if max(map(len, text.split("\r\n"))) + 2 > self._limits.line_bytes:
            if text.count("\n") != text.count("\r\n"):
                raise refusal(Reason.BARE_LINE_FEED)
            raise refusal(Reason.LINE_TOO_LONG, self._limits.line_bytes)

    def _start_body(self, length: int | None, events: list[Event]) -> None:
        """Set the step for a body of *length* bytes, or of chunks where it is None."""
        self._taken = 0
        if length is None:
            self._step = MessageParser._read_chunk_line
        elif length:
            self._left = length
            self._step = MessageParser._read_length
        else:
            self._end_message(events)

    def _end_message(self, events: list[Event], trailers: Headers = ()) -> None:
        events.append(End(trailers) if trailers else _END)
        self._after_message()

    def _read_length(self, data: bytes, position: int, events: list[Event]) -> int:
        end = position + self._left
        if end > len(data):
            return self._read_piece(data, position, events)
        events.append(Data(data[position:end]))
        events.append(_END)
        self._after_message()
        return end

    def _read_piece(self, data: bytes, position: int, events: list[Event]) -> int:
        end = min(len(data), position + self._left)
        events.append(Data(data[position:end]))
        self._left -= end - position
        return end

    def _read_chunk_line(self, data: bytes, position: int, _: list[Event]) -> int:
        limit = self._limits.chunk_line_bytes
        end = data.find(b"\r\n", position, position + limit)
        if end < 0:
            if len(data) - position >= limit:
                raise refusal(Reason.CHUNK_LINE_TOO_LONG, limit)
            return _MORE
        line = _CHUNK_LINE.fullmatch(data, position, end)
        if line is None:
            raise refusal(Reason.CHUNK_SIZE)
        self._left = int(line[1], 16)
        self._taken += self._left
        self._check_body(self._taken)
        self._step = MessageParser._read_chunk if self._left else MessageParser._read_trailers
        return end + 2

    def _read_chunk(self, data: bytes, position: int, events: list[Event]) -> int:
        end = self._read_piece(data, position, events)
        if not self._left:
            self._step = MessageParser._read_chunk_end
        return end

    def _read_chunk_end(self, data: bytes, position: int, _: list[Event]) -> int:
        found = data[position : position + 2]
        if found == b"\r\n":
            self._step = MessageParser._read_chunk_line
            return position + 2
        if found == b"\r":
            return _MORE
        raise refusal(Reason.CHUNK_END)

    def _read_trailers(self, data: bytes, position: int, events: list[Event]) -> int:
        end = self._end_of_fields(data, position)
        if end != _MORE:
            self._end_message(events, self._fields(data[position : end - 2]))
        return end

    def _read_until_close(self, data: bytes, position: int, events: list[Event]) -> int:
        self._taken += len(data) - position
        self._check_body(self._taken)
        events.append(Data(data[position:]))
        return len(data)

    def _pass(self, data: bytes, position: int, events: list[Event]) -> int:
        events.append(Tunnel(data[position:]))
        return len(data)

    def _hold(self, data: bytes, position: int, _: list[Event]) -> int:
        if len(data) - position > self._limits.head_bytes:
            raise refusal(Reason.TOO_MUCH_HELD, self._limits.head_bytes)
        return _MORE

    def _ignore(self, data: bytes, _position: int, _events: list[Event]) -> int:
        return len(data)

    def _check_body(self, length: int) -> None:
        limit = self._limits.body_bytes
        if limit is not None and length > limit:
            raise refusal(Reason.BODY_TOO_LARGE, limit)


def _first_line_fault(line: str) -> WireError:
    """Say why a first line is none."""
    version = _VERSION.search(line)
    if version is not None and version[1] not in ("1.0", "1.1"):
        return refusal(Reason.VERSION, version[1])
    # The line may hold a key in its query, so it is not shown.
    return refusal(Reason.FIRST_LINE if "HTTP/" in line else Reason.NOT_HTTP)
