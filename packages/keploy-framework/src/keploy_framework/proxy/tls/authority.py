"""A certificate authority of one run: it lives in memory and signs a certificate per host."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import ipaddress
import os
import ssl
import tempfile
from collections import OrderedDict
from typing import Any, Final

from keploy_framework.errors import MissingPackageError

_COMMON_NAME: Final = "Keploy recording of one run"
_EARLIER: Final = datetime.timedelta(days=1)
_LATER: Final = datetime.timedelta(days=30)
_MOST_NAME: Final = 64


class CertificateAuthority:
    """Sign certificates for the hosts that an app calls over TLS.

    Its key never leaves memory, and only a process that was told so trusts it. All hosts share
    one key, so a further host costs one signature. Contexts are kept for the hosts used last.
    Not safe to use from two threads.

    Args:
        most_contexts: For how many hosts contexts are kept.

    Raises:
        MissingPackageError: The package ``cryptography`` is not installed.
    """

    def __init__(self, *, most_contexts: int = 256) -> None:
        self._tools = _Tools()
        self._most_contexts = most_contexts
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        self._key = self._tools.new_key()
        self._leaf_key = self._tools.new_key()
        self._leaf_key_pem: bytes = self._tools.key_pem(self._leaf_key)
        self._certificate = self._sign_own()

    @property
    def pem(self) -> bytes:
        """The authority's own certificate, for those who shall trust it."""
        return self._tools.certificate_pem(self._certificate)

    def context(self, host: str) -> ssl.SSLContext:
        """Give the server's side of TLS for a host, with HTTP/1.1 as the only protocol.

        Args:
            host: A name or an address, as the client asked for it.

        Raises:
            ValueError: The host is no name that a certificate can hold.
        """
        context = self._contexts.get(host)
        if context is None:
            context = self._new_context(host)
            self._contexts[host] = context
            if len(self._contexts) > self._most_contexts:
                self._contexts.popitem(last=False)
        else:
            self._contexts.move_to_end(host)
        return context

    def certificate(self, host: str) -> bytes:
        """Sign a certificate for a host, in PEM.

        Raises:
            ValueError: The host is no name that a certificate can hold.
        """
        tools = self._tools
        x509 = tools.x509
        name = tools.name(host[:_MOST_NAME])
        builder = tools.builder(name, self._certificate.subject, self._leaf_key.public_key())
        for extension, critical in (
            (x509.SubjectAlternativeName([_alternative(x509, host)]), True),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (tools.key_usage(digital_signature=True), True),
            (x509.ExtendedKeyUsage([tools.server_purpose]), False),
            (tools.subject_identifier(self._leaf_key), False),
            (tools.authority_identifier(self._key), False),
        ):
            builder = builder.add_extension(extension, critical=critical)
        return tools.certificate_pem(builder.sign(self._key, tools.digest()))

    def _new_context(self, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        context.options |= ssl.OP_NO_RENEGOTIATION
        # The standard library reads certificates from files alone.
        handle, path = tempfile.mkstemp(prefix="keploy-", suffix=".pem")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self._leaf_key_pem + self.certificate(host))
            context.load_cert_chain(path)
        finally:
            os.unlink(path)  # noqa: PTH108 - a Path costs as much as the signature
        return context

    # Any: the types of a package that may not be installed.
    def _sign_own(self) -> Any:
        tools = self._tools
        x509 = tools.x509
        name = tools.name(_COMMON_NAME)
        builder = tools.builder(name, name, self._key.public_key())
        for extension, critical in (
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (tools.key_usage(key_cert_sign=True, crl_sign=True), True),
            (tools.subject_identifier(self._key), False),
        ):
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self._key, tools.digest())


class _Tools:
    """The parts of ``cryptography`` that are needed, found when the first authority is made."""

    # Any: the types of a package that may not be installed.
    x509: Any

    def __init__(self) -> None:
        try:
            self.x509 = importlib.import_module("cryptography.x509")
        except ImportError as error:
            package, purpose = "cryptography", "recording or answering https calls needs it"
            raise MissingPackageError(package, purpose) from error
        primitives = "cryptography.hazmat.primitives"
        self._curves: Any = importlib.import_module(f"{primitives}.asymmetric.ec")
        self._forms: Any = importlib.import_module(f"{primitives}.serialization")
        self.digest: Any = importlib.import_module(f"{primitives}.hashes").SHA256
        names: Any = importlib.import_module("cryptography.x509.oid")
        self._common_name = names.NameOID.COMMON_NAME
        self.server_purpose = names.ExtendedKeyUsageOID.SERVER_AUTH

    def new_key(self) -> Any:
        return self._curves.generate_private_key(self._curves.SECP256R1())

    def key_pem(self, key: Any) -> bytes:
        forms = self._forms
        return key.private_bytes(
            forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()
        )

    def certificate_pem(self, certificate: Any) -> bytes:
        return certificate.public_bytes(self._forms.Encoding.PEM)

    def name(self, common_name: str) -> Any:
        x509 = self.x509
        return x509.Name([x509.NameAttribute(self._common_name, common_name)])

    def builder(self, subject: Any, issuer: Any, public_key: Any) -> Any:
        now = datetime.datetime.now(datetime.UTC)
        return (
            self.x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(self.x509.random_serial_number())
            .not_valid_before(now - _EARLIER)
            .not_valid_after(now + _LATER)
        )

    def key_usage(self, **uses: bool) -> Any:
        names = (
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
            "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
        )  # fmt: skip
        return self.x509.KeyUsage(**{name: uses.get(name, False) for name in names})

    def subject_identifier(self, key: Any) -> Any:
        return self.x509.SubjectKeyIdentifier.from_public_key(key.public_key())

    def authority_identifier(self, key: Any) -> Any:
        return self.x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


# Any: the types of a package that may not be installed.
def _alternative(x509: Any, host: str) -> Any:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(host))
    name = host if host.isascii() else host.encode("idna").decode("ascii")
    return x509.DNSName(name)
