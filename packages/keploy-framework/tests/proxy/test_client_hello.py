"""The first message of a TLS client, as real ones send it and as nobody should."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.proxy.tls.client_hello import ClientHello, read_client_hello, starts_tls


def first_message(name: str | None, protocols: list[str]) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    if protocols:
        context.set_alpn_protocols(protocols)
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def in_records(message: bytes, size: int) -> bytes:
    """Cut the handshake message of one record into several records."""
    content = message[5:]
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(message[:3] + len(piece).to_bytes(2) + piece for piece in pieces)


@pytest.mark.parametrize(
    ("name", "protocols", "speaks_http1"),
    [
        ("api.example.com", [], True),
        ("api.example.com", ["http/1.1"], True),
        ("api.example.com", ["h2", "http/1.1"], True),
        ("api.example.com", ["h2"], False),
        (None, [], True),
        ("127.0.0.1", ["h2"], False),
    ],
    ids=["no-protocol", "http1", "both", "http2-only", "no-name", "address"],
)
def test_a_client_says_whom_it_wants(
    name: str | None, protocols: list[str], speaks_http1: bool
) -> None:
    """The host or the protocols of a real client's first message were misread."""
    hello = read_client_hello(first_message(name, protocols))
    assert hello is not None
    # An address is no server name by the standard.
    assert hello.server_name == (name if name == "api.example.com" else "")
    assert hello.protocols == tuple(protocols)
    assert hello.speaks_http1 is speaks_http1


MESSAGE = first_message("api.example.com", ["h2", "http/1.1"])
WHOLE = ClientHello("api.example.com", ("h2", "http/1.1"))


@given(st.integers(0, len(MESSAGE) - 1))
def test_half_a_message_waits_for_the_rest(cut: int) -> None:
    """A message that came in two pieces was taken for a whole one."""
    assert read_client_hello(MESSAGE[:cut]) is None


@given(st.integers(1, 300), st.binary(max_size=20))
def test_a_message_in_several_records_is_read_as_one(size: int, more: bytes) -> None:
    """A client that splits its message was not understood."""
    assert read_client_hello(in_records(MESSAGE, size) + more) == WHOLE


@given(st.integers(0, len(MESSAGE) - 1), st.integers(0, 255))
def test_a_damaged_message_never_raises(at: int, byte: int) -> None:
    """A damaged message ended the connection's task instead of its handshake."""
    read_client_hello(MESSAGE[:at] + bytes((byte,)) + MESSAGE[at + 1 :])


@given(st.binary(max_size=200))
def test_any_bytes_never_raise(data: bytes) -> None:
    """Bytes of another protocol ended the connection's task."""
    read_client_hello(b"\x16\x03\x01" + data)


def test_a_message_that_never_ends_is_given_up() -> None:
    """A client made the proxy keep a first message of any length."""
    endless = b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" + bytes(0x4000 - 4)
    endless += (b"\x16\x03\x01\x40\x00" + bytes(0x4000)) * 8
    assert read_client_hello(endless) == ClientHello()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x16", True),
        (b"\x16\x03\x01", True),
        (b"\x16\x04", False),
        (b"GET ", False),
        (b"", False),
    ],
)
def test_tls_is_told_by_its_first_bytes(data: bytes, expected: bool) -> None:
    """Something else was taken for TLS, or TLS for something else."""
    assert starts_tls(data) is expected
