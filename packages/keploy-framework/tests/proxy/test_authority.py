"""The certificates of a run: clients must take them, and nobody else may make them."""

from __future__ import annotations

import asyncio
import importlib
import ssl
import tempfile
from pathlib import Path

import pytest

from keploy_framework.errors import MissingPackageError
from keploy_framework.proxy import CertificateAuthority
from keploy_framework.proxy.channel import Channel
from keploy_framework.proxy.tls.layer import accept_tls, connect_tls


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Let two sides agree in memory; raises what the client raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=name)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (asking, answering):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return asking


@pytest.mark.parametrize(
    "host",
    ["api.example.com", "127.0.0.1", "::1", "localhost", "bücher.example", "x" * 60 + ".example"],
    ids=["name", "address", "address-6", "local", "not-ascii", "longer-than-a-common-name"],
)
def test_a_client_that_trusts_the_run_takes_the_certificate(
    authority: CertificateAuthority, client_tls: ssl.SSLContext, host: str
) -> None:
    """A client that keeps to the letter of the standard refused the certificate."""
    asking = handshake(authority.context(host), client_tls, host)
    assert asking.version() in ("TLSv1.2", "TLSv1.3")


def test_a_certificate_holds_for_its_own_host_alone(
    authority: CertificateAuthority, client_tls: ssl.SSLContext
) -> None:
    """The certificate of one host was good for another."""
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority.context("api.example.com"), client_tls, "api.example.org")


def test_another_run_is_not_trusted(
    world: CertificateAuthority, client_tls: ssl.SSLContext
) -> None:
    """A certificate of another run was taken."""
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(world.context("api.example.com"), client_tls, "api.example.com")


def test_only_http1_is_agreed_on(
    authority: CertificateAuthority, client_tls: ssl.SSLContext
) -> None:
    """A client spoke HTTP/2, which is not read."""
    client_tls.set_alpn_protocols(["h2", "http/1.1"])
    asking = handshake(authority.context("a.example"), client_tls, "a.example")
    assert asking.selected_alpn_protocol() == "http/1.1"


def test_contexts_are_kept_for_the_hosts_used_last(authority: CertificateAuthority) -> None:
    """Each connection paid for a certificate, or contexts were kept without bound."""
    few = CertificateAuthority(most_contexts=2)
    first = few.context("a.example")
    few.context("b.example")
    assert few.context("a.example") is first
    few.context("c.example")
    assert few.context("a.example") is first
    kept = few.context("b.example")
    assert few.context("b.example") is kept
    assert few.context("c.example") is not None
    assert few.context("a.example") is not first


def test_no_key_stays_in_a_file(
    authority: CertificateAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A private key was left where others may find it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    authority.context("key.example")
    assert list(tmp_path.iterdir()) == []
    assert b"PRIVATE" not in authority.pem


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package one saw an import error of a module nobody knows."""

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingPackageError, match="uv add 'cryptography'") as caught:
        CertificateAuthority()
    assert caught.value.package == "cryptography"


async def connected() -> tuple[Channel, Channel]:
    """Connect two channels: the one that asks, and the one that answers."""
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[Channel] = loop.create_future()
    listening = await loop.create_server(lambda: Channel(accepted.set_result), "127.0.0.1", 0)
    try:
        port = listening.sockets[0].getsockname()[1]
        _, asking = await loop.create_connection(Channel, "127.0.0.1", port)
        return asking, await accepted
    finally:
        listening.close()


async def pair(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[Channel, Channel]:
    """Connect two channels, and put TLS on both."""
    asking, answering = await connected()
    return await asyncio.gather(
        connect_tls(asking, client, "a.example"), accept_tls(answering, server)
    )


async def test_much_passes_through_tls_to_a_slow_reader(authority, client_tls) -> None:
    """Bytes were lost, or piled up without bound, where one side of TLS reads slowly."""
    asking, answering = await pair(authority.context("a.example"), client_tls)
    sent = bytes(range(256)) * 40_000

    async def pour() -> None:
        for at in range(0, len(sent), 65_536):
            await answering.send(sent[at : at + 65_536])
        answering.close()

    pouring = asyncio.ensure_future(pour())
    received = bytearray()
    await asyncio.sleep(0.05)
    assert not pouring.done()
    async with asyncio.timeout(10):
        while piece := await asking.receive():
            received += piece
        await pouring
    assert bytes(received) == sent
    asking.close()
    await asking.wait_closed()


async def test_a_client_that_refuses_the_certificate_ends_the_handshake(world, client_tls) -> None:
    """A refused handshake hung instead of ending."""
    asking, answering = await connected()
    async with asyncio.timeout(5):
        refusing = connect_tls(asking, client_tls, "a.example")
        refused = accept_tls(answering, world.context("a.example"))
        results = await asyncio.gather(refusing, refused, return_exceptions=True)
    assert isinstance(results[0], ssl.SSLCertVerificationError)
    assert isinstance(results[1], ssl.SSLError | ConnectionError)


@pytest.mark.parametrize("side", ["asking", "answering"])
async def test_a_peer_that_leaves_ends_the_stream(authority, client_tls, side: str) -> None:
    """The other side waited for ever after one had closed."""
    asking, answering = await pair(authority.context("a.example"), client_tls)
    leaving, staying = (asking, answering) if side == "asking" else (answering, asking)
    await leaving.send(b"last words")
    leaving.close()
    async with asyncio.timeout(5):
        assert await staying.receive() == b"last words"
        assert await staying.receive() == b""
    staying.close()
    await staying.wait_closed()
    await leaving.wait_closed()
