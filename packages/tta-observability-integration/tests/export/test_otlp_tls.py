"""Spans over TLS, with certificates made for the test."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from observability_integration.export.otlp import OTLPSpanExporter

from .otlp_receiver import receiving, spans

if TYPE_CHECKING:
    from pathlib import Path

x509 = pytest.importorskip("cryptography.x509", reason="uv sync installs cryptography")
pytestmark = pytest.mark.filterwarnings("ignore:.*ssl.*:DeprecationWarning")


@dataclass
class Certificate:
    certificate: str
    key: str


def self_signed(folder: Path, name: str) -> Certificate:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    usages = [x509.ExtendedKeyUsageOID.SERVER_AUTH, x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Certificate(str(certificate_file), str(key_file))


def server_context(server: Certificate, client: Certificate | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    if client is not None:
        context.load_verify_locations(client.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture(autouse=True)
def no_bundle_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def test_a_certificate_that_is_trusted_lets_spans_through(tmp_path: Path) -> None:
    """A collector with a certificate of its own cannot be used."""
    server = self_signed(tmp_path, "server")
    with receiving(context=server_context(server)) as receiver:
        assert receiver.url.startswith("https://")
        exporter = OTLPSpanExporter(
            receiver.url, environ={"OTEL_EXPORTER_OTLP_CERTIFICATE": server.certificate}
        )
        exporter.export(spans(1, 3))
        exporter.shutdown(5)
        assert (exporter.exported, exporter.dropped) == (3, 0)
        assert receiver.taken == [1, 2, 3]


def test_a_certificate_that_is_not_trusted_gets_no_span(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Spans and keys go to whoever answers at the address."""
    server, other = self_signed(tmp_path, "server"), self_signed(tmp_path, "other")
    with receiving(context=server_context(server)) as receiver:
        for certificate in (None, other.certificate):
            exporter = OTLPSpanExporter(receiver.url, environ={}, certificate=certificate)
            exporter.export(spans(1, 3))
            exporter.shutdown(0.2)
            assert (exporter.exported, exporter.dropped) == (0, 3)
        assert receiver.received == []
    assert "no answer (SSLError)" in caplog.text


def test_a_client_shows_its_certificate(tmp_path: Path) -> None:
    """A collector that knows its clients by their certificates cannot be used."""
    server, client = self_signed(tmp_path, "server"), self_signed(tmp_path, "client")
    with receiving(context=server_context(server, client)) as receiver:
        with_it = OTLPSpanExporter(
            receiver.url,
            environ={},
            certificate=server.certificate,
            client_certificate=client.certificate,
            client_key=client.key,
        )
        without = OTLPSpanExporter(receiver.url, environ={}, certificate=server.certificate)
        for exporter in (with_it, without):
            exporter.export(spans(1, 2))
        with_it.shutdown(5)
        without.shutdown(0.2)
        assert (with_it.exported, with_it.dropped) == (2, 0)
        assert (without.exported, without.dropped) == (0, 2)
        assert receiver.taken == [1, 2]
