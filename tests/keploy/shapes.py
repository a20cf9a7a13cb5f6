"""Answers of every shape that HTTP allows, as bytes on the wire."""

from __future__ import annotations

import gzip
from collections import Counter

SHAPES = {
    "gzip": ("200 OK", "application/json", gzip.compress(b'{"tea": "green"}' * 9, mtime=0)),
    "binary": ("200 OK", "application/octet-stream", bytes(range(256))),
    "latin": ("200 OK", "text/html; charset=latin-1", "<p>th\u00e9</p>".encode("latin-1")),
    "empty": ("200 OK", "text/plain", b""),
    "missing": ("404 Not Found", "text/plain", b"nothing here"),
    "broken": ("500 Internal Server Error", "application/json", b'{"error": "out of tea"}'),
}
LINES = [b'{"line": %d}\n' % number for number in range(3)]
RAW = {
    "nothing": b"HTTP/1.1 204 No Content\r\n\r\n",
    "moved": b"HTTP/1.1 302 Found\r\nLocation: /binary\r\nContent-Length: 0\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in LINES)
    + b"0\r\n\r\n",
    "until-closed": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    b"Connection: close\r\n\r\nto the very end",
    "repeated": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Tag: one\r\nX-Tag: two\r\n"
    b"Content-Length: 2\r\n\r\nok",
}
NAMES = [*SHAPES, *RAW]


class Shapes:
    """Give the answers; one of them is another each time."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()

    def answer(self, path: str) -> bytes:
        """Give the whole answer to a path."""
        name = path.strip("/")
        self._asked[name] += 1
        if name == "flaky":
            is_late = self._asked[name] > 2
            status, body = ("200 OK", b"at last") if is_late else ("503 Unavailable", b"not yet")
            return _message(status, "text/plain", body)
        if name in RAW:
            return RAW[name]
        status, kind, body = SHAPES.get(name, SHAPES["missing"])
        return _message(status, kind, body, b"gzip" if name == "gzip" else b"")


def _message(status: str, kind: str, body: bytes, encoding: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    packed = b"Content-Encoding: %b\r\n" % encoding if encoding else b""
    return head.encode() + packed + b"\r\n" + body
