"""Where telemetry is posted to, and how: by argument, else by `OTEL_EXPORTER_OTLP_*`."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import unquote

from .delivery_address import below_base, without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

Compression: TypeAlias = Literal["gzip", "none"]

DEFAULT_ENDPOINT: Final = "http://localhost:4318"
DEFAULT_TIMEOUT_SECONDS: Final = 10.0
_COMPRESSIONS: Final = ("gzip", "none")
_PREFIX: Final = "OTEL_EXPORTER_OTLP_"
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# From here on a timeout can only be milliseconds: nobody waits a quarter of an hour for an answer.
_MILLISECONDS_FROM: Final = 1000
_logger = logging.getLogger("observability_integration")


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """Where to post to, and how.

    Attributes:
        url: The whole address, without user name and password.
        headers: Sent with every request; they can hold secrets and are never shown.
        timeout_seconds: Longest wait for a connection, and for an answer.
        compression: What is done to bodies.
        certificate: File with the certificates to trust; None for those of the system.
        client_certificate: File with our own certificate.
        client_key: File with its key, where that is another one.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    compression: Compression = "gzip"
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None

    @property
    def place(self) -> str:
        """The address as logs may show it: queries can hold secrets."""
        return self.url.partition("?")[0]


class SettingsReader:
    """Read what one signal's exporter is told; an argument wins, then the signal's own variable.

    Args:
        signal: As it stands in the variables, such as `TRACES`.
        path: Where the signal is posted below a base address, such as `/v1/traces`.
        environ: Where the variables are read; a value that makes no sense is told and left out.
    """

    def __init__(self, signal: str, path: str, environ: Mapping[str, str] | None = None) -> None:
        self._signal, self._path = signal, path
        self._environ = os.environ if environ is None else environ

    def read(
        self,
        *,
        endpoint: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        compression: str | None = None,
        certificate: str | None = None,
        client_certificate: str | None = None,
        client_key: str | None = None,
    ) -> DeliverySettings:
        """Return the settings, each as given, else as the environment has it.

        Args:
            endpoint: Base address of a collector, or the whole address with the signal's path.
            headers: Added to those of the environment, and stronger.
            timeout_seconds: Longest wait for a connection, and for an answer.
            compression: `gzip` or `none`.
            certificate: File with the certificates to trust.
            client_certificate: File with our own certificate.
            client_key: File with its key.

        Raises:
            ValueError: Something given cannot be used.
        """
        self._warn_of_protocol()
        url, authorization = without_credentials(self._endpoint(endpoint))
        return DeliverySettings(
            url=url,
            headers={**authorization, **self._headers(), **_checked_headers(headers or {})},
            timeout_seconds=self._timeout(timeout_seconds),
            compression=self._compression(compression),
            certificate=_existing("certificate", certificate or self._found("CERTIFICATE")),
            client_certificate=_existing(
                "client_certificate", client_certificate or self._found("CLIENT_CERTIFICATE")
            ),
            client_key=_existing("client_key", client_key or self._found("CLIENT_KEY")),
        )

    def _found(self, name: str) -> str:
        for variable in self._variables(name):
            value = self._environ.get(variable, "").strip()
            if value:
                return value
        return ""

    def _variables(self, name: str) -> tuple[str, str]:
        return f"{_PREFIX}{self._signal}_{name}", f"{_PREFIX}{name}"

    def _endpoint(self, given: str | None) -> str:
        if given:
            return below_base(given, self._path)
        own, general = self._variables("ENDPOINT")
        whole = self._environ.get(own, "").strip()
        if whole:
            return whole  # as it is: the specification adds no path to a signal's own address
        base = self._environ.get(general, "").strip() or DEFAULT_ENDPOINT
        return below_base(base, self._path, always=True)

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for position, pair in enumerate(self._found("HEADERS").split(","), 1):
            if not pair.strip():
                continue
            name, equals, value = pair.partition("=")
            name = unquote(name).strip()
            mistake = _header_mistake(name, unquote(value)) if equals else "it has no ="
            if mistake:
                # Without its text: what looks like a mistake may be half of a secret.
                _logger.warning(
                    "header %d of %sHEADERS is left out: %s", position, _PREFIX, mistake
                )
            else:
                headers[name.lower()] = unquote(value).strip()
        return headers

    def _timeout(self, given: float | None) -> float:
        if given is not None:
            if not 0 < given < float("inf"):
                msg = f"timeout_seconds must be positive, got {given!r}"
                raise ValueError(msg)
            return given
        text = self._found("TIMEOUT")
        try:
            found = float(text) if text else DEFAULT_TIMEOUT_SECONDS
        except ValueError:
            found = 0.0
        if not 0 < found < float("inf"):
            _logger.warning(
                "%sTIMEOUT must be a positive number, got %r; %g s it is",
                _PREFIX,
                text,
                DEFAULT_TIMEOUT_SECONDS,
            )
            return DEFAULT_TIMEOUT_SECONDS
        # OpenTelemetry's specification has milliseconds here, its Python exporters have seconds.
        return found / 1000 if found >= _MILLISECONDS_FROM else found

    def _compression(self, given: str | None) -> Compression:
        if given is not None:
            if given not in _COMPRESSIONS:
                msg = f"compression must be 'gzip' or 'none', got {given!r}"
                raise ValueError(msg)
            return given
        found = self._found("COMPRESSION").lower() or "gzip"
        if found not in _COMPRESSIONS:
            _logger.warning("%sCOMPRESSION is not gzip or none: %r; gzip it is", _PREFIX, found)
            return "gzip"
        return found

    def _warn_of_protocol(self) -> None:
        protocol = self._found("PROTOCOL")
        if protocol not in ("", "http/protobuf"):
            _logger.warning(
                "%s are sent as http/protobuf, although the environment asks for %r; use the "
                "collector's HTTP port, usually 4318",
                self._signal.lower(),
                protocol,
            )


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        mistake = _header_mistake(name, value)
        if mistake:
            msg = f"the header {name!r} cannot be sent: {mistake}"
            raise ValueError(msg)
    return {name.lower(): value.strip() for name, value in headers.items()}


def _header_mistake(name: str, value: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        return "a name cannot be so"
    if _CONTROL.search(value) or not value.isascii():
        return "its value has characters that headers cannot have"
    return ""


def _existing(argument: str, path: str | None) -> str | None:
    if path and not Path(path).is_file():
        msg = f"{argument} must be a file, got {path!r}"
        raise ValueError(msg)
    return path or None
