"""The bodies that pass a tee: bounded in memory, spilled to files, dropped over the cap."""

from __future__ import annotations

import errno
import io
import os
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from keploy_framework.wire import Outcome, Recorded, Tee, Unrecorded

GET = b"GET /a?key=s3cret HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MEBIBYTE = 1 << 20
DESCRIPTORS = Path("/proc/self/fd")


def post(size: int) -> bytes:
    return b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size


def one(outcomes: tuple[Outcome, ...]) -> Recorded:
    (outcome,) = outcomes
    assert isinstance(outcome, Recorded)
    return outcome


def told(outcomes: tuple[Outcome, ...]) -> list[tuple[str, str, str, bool]]:
    found: list[tuple[str, str, str, bool]] = []
    for outcome in outcomes:
        assert isinstance(outcome, Unrecorded)
        found.append((outcome.reason, outcome.method, outcome.path, outcome.stopped))
    return found


@pytest.mark.parametrize("chunked", [True, False], ids=["chunks", "length"])
def test_of_a_large_answer_only_the_size_is_kept(chunked: bool):
    """A download of a gigabyte was kept in memory."""
    tee = Tee(response_bytes=1000)
    tee.client_sent(GET, 1)
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 5000"
    tee.server_sent(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n", 2)
    piece = b"3e8\r\n" + b"x" * 1000 + b"\r\n" if chunked else b"x" * 1000
    outcomes: tuple[Outcome, ...] = ()
    for _ in range(5):
        outcomes += tee.server_sent(piece, 3)
    outcomes += tee.server_sent(b"0\r\n\r\n" if chunked else b"", 4)
    response = one(outcomes).exchange.response
    assert (response.body, response.chunks, response.body_size) == (b"", (), 5000)
    assert response.body_skipped


def test_an_answer_at_the_limit_is_kept():
    tee = Tee(response_bytes=2)
    tee.client_sent(GET, 1)
    assert one(tee.server_sent(OK, 2)).exchange.response.body == b"ok"


def test_a_small_piece_after_a_large_one_is_not_taken_for_the_body():
    tee = Tee(response_bytes=10)
    tee.client_sent(GET, 1)
    tee.server_sent(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + b"x" * 11, 2)
    assert one(tee.server_sent(b"y", 3)).exchange.response.body == b""


@pytest.mark.parametrize("size", [10, 11, 1000])
def test_a_large_request_goes_through_a_file_unchanged(size: int):
    """An upload over the memory bound lost its end."""
    body = os.urandom(size)
    tee = Tee(memory_bytes=10)
    tee.client_sent(post(size), 1)
    for at in range(0, size, 7):
        tee.client_sent(body[at : at + 7], 2)
    assert one(tee.server_sent(OK, 3)).exchange.request.body == body


def test_a_request_over_the_cap_is_dropped_and_told_and_the_next_one_recorded():
    tee = Tee(request_bytes=10)
    tee.client_sent(post(11) + b"x" * 11, 1)
    assert told(tee.server_sent(OK, 2)) == [("request-too-large", "POST", "/p", False)]
    tee.client_sent(post(10) + b"y" * 10, 3)
    assert one(tee.server_sent(OK, 4)).exchange.request.body == b"y" * 10


def test_waiting_bodies_share_the_memory(monkeypatch: pytest.MonkeyPatch):
    """Each of a hundred pipelined uploads was allowed the whole memory."""
    files: list[object] = []
    opened = tempfile.TemporaryFile

    def counted(*, prefix: str) -> object:
        files.append(prefix)
        return opened(prefix=prefix)

    monkeypatch.setattr(tempfile, "TemporaryFile", counted)
    tee = Tee(memory_bytes=10)
    tee.client_sent((post(6) + b"x" * 6) * 3, 1)
    assert len(files) == 2
    outcomes = tee.server_sent(OK * 3, 2)
    assert [one((outcome,)).exchange.request.body for outcome in outcomes] == [b"x" * 6] * 3


def open_files() -> int:
    return sum(1 for _ in DESCRIPTORS.iterdir())


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="needs /proc to count open files")
@pytest.mark.parametrize(
    "ending",
    [
        lambda tee: tee.server_sent(OK, 2),
        lambda tee: tee.server_closed(2),
        lambda tee: tee.server_sent(b"garbage", 2),
        lambda tee: tee.client_sent(b"x" * 200, 2),
    ],
    ids=["answered", "unanswered", "broken", "over-the-cap"],
)
def test_no_temporary_file_stays_open(ending: Callable[[Tee], tuple[Outcome, ...]]):
    before = open_files()
    tee = Tee(memory_bytes=10, request_bytes=100)
    tee.client_sent(post(300) + b"x" * 50, 1)
    assert open_files() == before + 1
    ending(tee)
    tee.client_closed(3)
    tee.server_closed(4)
    assert open_files() == before


def test_a_full_disk_stops_the_tee_and_not_the_relay(monkeypatch: pytest.MonkeyPatch):
    """The app lost its connection when the recorder's disk was full."""

    def full(*, prefix: str) -> object:
        raise OSError(errno.ENOSPC, "no space left", "/tmp/s3cret")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    tee = Tee(memory_bytes=1)
    (outcome,) = tee.client_sent(post(9) + b"ab", 1)
    assert isinstance(outcome, Unrecorded)
    assert (outcome.reason, outcome.stopped) == ("fault", True)
    assert "no space left" in outcome.problem
    assert "s3cret" not in outcome.problem


@pytest.mark.parametrize("ends", ["server_sent", "server_closed", "client_closed"])
def test_a_body_that_cannot_be_read_again_is_told(ends: str, monkeypatch: pytest.MonkeyPatch):
    class Unreadable(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *, prefix: Unreadable())
    tee = Tee(memory_bytes=1)
    outcomes = tee.client_sent(post(9) + b"ab", 1)
    if ends == "server_sent":
        outcomes += tee.client_sent(b"x" * 7, 2)
    outcomes += tee.server_sent(OK, 3)
    outcomes += tee.client_closed(4) if ends == "client_closed" else tee.server_closed(4)
    assert [reason for reason, *_ in told(outcomes)] == ["fault"]
    assert tee.stopped


def test_a_file_that_cannot_be_written_out_is_let_go(monkeypatch: pytest.MonkeyPatch):
    """Letting go of a body raised, as the disk was still full."""

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "no space left")

        def close(self) -> None:
            super().close()
            raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *, prefix: Full())
    tee = Tee(memory_bytes=1)
    outcomes = tee.client_sent(post(9) + b"ab", 1) + tee.client_sent(b"cd", 2)
    assert [reason for reason, *_ in told(outcomes)] == ["fault"]
    assert tee.stopped


def test_memory_is_bounded_while_bodies_pass():
    """A body that came in tiny pieces took ten times its size."""
    kept, piece = MEBIBYTE // 4, 8
    tee = Tee(memory_bytes=kept, response_bytes=kept)
    tee.client_sent(post(2 * kept), 1)
    tracemalloc.start()
    try:
        for _ in range(2 * kept // piece):
            tee.client_sent(bytes(piece), 2)
        tee.server_sent(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * kept), 3)
        for _ in range(2 * kept // piece - 1):
            tee.server_sent(bytes(piece), 4)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * kept
    tee.server_closed(5)


def test_tiny_chunks_without_end_are_counted():
    tee = Tee()
    tee.client_sent(GET, 1)
    tee.server_sent(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 2)
    tee.server_sent(b"1\r\na\r\n" * 65_536, 3)
    response = one(tee.server_sent(b"1\r\na\r\n" * 3 + b"0\r\n\r\n", 4)).exchange.response
    assert (response.body_size, response.body, response.chunks) == (65_539, b"", ())
