"""What an exporter is told by argument and by the environment."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING, Any

import pytest

from observability_integration.export.delivery_settings import DeliverySettings, SettingsReader
from observability_integration.export.otlp import OTLPSpanExporter, otlp_exporter

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "OTEL_EXPORTER_OTLP_"


def read(environ: dict[str, str] | None = None, **given: Any) -> DeliverySettings:
    variables = {f"{PREFIX}{name}": value for name, value in (environ or {}).items()}
    return SettingsReader("TRACES", "/v1/traces", variables).read(**given)


@pytest.mark.parametrize(
    ("given", "environ", "url"),
    [
        (None, {}, "http://localhost:4318/v1/traces"),
        ("http://c:4318", {"ENDPOINT": "http://d"}, "http://c:4318/v1/traces"),
        ("http://c:4318/", {}, "http://c:4318/v1/traces"),
        ("http://c/v1/traces", {}, "http://c/v1/traces"),
        ("http://c/v1/traces/", {}, "http://c/v1/traces"),
        ("http://c/v1/metrics", {}, "http://c/v1/traces"),
        ("http://c/a/v1/logs?x=1", {}, "http://c/a/v1/traces?x=1"),
        ("http://c/#part", {}, "http://c/v1/traces"),
        ("https://c/otlp?x=1", {}, "https://c/otlp/v1/traces?x=1"),
        ("", {"ENDPOINT": "http://d"}, "http://d/v1/traces"),
        (None, {"ENDPOINT": "http://d/a/"}, "http://d/a/v1/traces"),
        (None, {"ENDPOINT": "http://d/v1/traces"}, "http://d/v1/traces/v1/traces"),
        (None, {"TRACES_ENDPOINT": "http://t/in", "ENDPOINT": "http://d"}, "http://t/in"),
        (None, {"TRACES_ENDPOINT": " ", "ENDPOINT": " http://d "}, "http://d/v1/traces"),
        ("http://[::1]:4318", {}, "http://[::1]:4318/v1/traces"),
    ],
    ids=str,
)
def test_an_address_is_found(given: str | None, environ: dict[str, str], url: str) -> None:
    """Spans are posted to another path than the specification's."""
    assert read(environ, endpoint=given).url == url


@pytest.mark.parametrize(
    "url",
    ["localhost:4318", "grpc://c:4317", "c", "http://", "http://:4318", "ftp://user:secret@c"],
)
def test_an_address_that_is_none_is_refused_without_its_text(url: str) -> None:
    """A mistake in an address is found out by spans that never arrive, or shows a password."""
    with pytest.raises(ValueError, match="http://") as caught:
        read(endpoint=url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("variable", [None, "ENDPOINT", "TRACES_ENDPOINT"])
@pytest.mark.parametrize(
    "url",
    [
        "http://c:secret",
        "http://c:99999",
        "http://me:secret/x@c",
        "http://me:1secret?@c",
        "http://me:secret[@c",
        "http://[::secret",
        "http://me:12/secret@c",
        "http://me:12#secret@c",
    ],
)
def test_an_address_that_is_broken_is_refused_without_its_text(
    url: str, variable: str | None
) -> None:
    """What an address is broken by is half of a password, and shows in the log."""
    with pytest.raises(ValueError, match=r"^endpoint (must have a host|has an @)") as caught:
        read({variable: url}) if variable else read(endpoint=url)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("given", [5, b"http://c", object()], ids=["number", "bytes", "object"])
def test_an_address_that_is_no_text_is_refused(given: Any) -> None:
    """A mistake in an argument is a riddle of another library."""
    with pytest.raises(ValueError, match="endpoint must be text, got "):
        read(endpoint=given)


def test_a_password_in_an_address_becomes_a_header() -> None:
    """A password shows wherever the address does."""
    settings = read(endpoint="https://me:p%40ss@c:4318?token=t")
    assert settings.url == "https://c:4318/v1/traces?token=t"
    assert settings.place == "https://c:4318/v1/traces"
    expected = base64.b64encode(b"me:p@ss").decode()
    assert settings.headers == {"authorization": f"Basic {expected}"}
    assert "authorization" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        (None, {}, {}),
        (None, {"HEADERS": "a=1, B=2"}, {"a": "1", "b": "2"}),
        (None, {"HEADERS": "a=1", "TRACES_HEADERS": "b=2"}, {"b": "2"}),
        (None, {"HEADERS": "a=1%2C2%20,b=x=y=="}, {"a": "1,2", "b": "x=y=="}),
        (None, {"HEADERS": "a=Basic abc"}, {"a": "Basic abc"}),
        ({"A": "mine"}, {"HEADERS": "a=1,b=2"}, {"a": "mine", "b": "2"}),
        (None, {"HEADERS": ",, ,"}, {}),
        (None, {"HEADERS": "a="}, {"a": ""}),
    ],
    ids=str,
)
def test_headers_are_found(
    given: dict[str, str] | None, environ: dict[str, str], expected: dict[str, str]
) -> None:
    """A collector refuses spans, because a key does not come along as it was written."""
    assert read(environ, headers=given).headers == expected


@pytest.mark.parametrize("text", ["secret", "=secret", "a b=secret", "a=secret%0d%0ax", "a=secrét"])
def test_a_header_that_is_none_is_left_out_without_its_text(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake among the headers shows a key in the log, or stops the program."""
    assert read({"HEADERS": f"ok=1,{text}"}).headers == {"ok": "1"}
    (line,) = caplog.messages
    assert line.startswith("header 2 of OTEL_EXPORTER_OTLP_HEADERS is left out: ")
    assert "secr" not in line


@pytest.mark.parametrize("name", ["a b", "", "a:", "ä"])
def test_a_header_that_cannot_be_is_refused(name: str) -> None:
    """A mistake among the headers is found out by spans that never arrive."""
    with pytest.raises(ValueError, match="cannot be sent: a name cannot be so"):
        read(headers={name: "1"})


@pytest.mark.parametrize("value", ["a\nb", "a\r", "\0", "é"])
def test_a_value_that_cannot_be_is_refused_without_its_text(value: str) -> None:
    """A header smuggles another one in, or its value shows in an error."""
    with pytest.raises(ValueError, match="the header 'key' cannot be sent") as caught:
        read(headers={"key": f"secret{value}"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        (None, {}, 10.0),
        (2.5, {"TIMEOUT": "7"}, 2.5),
        (None, {"TIMEOUT": "7"}, 7.0),
        (None, {"TIMEOUT": "7", "TRACES_TIMEOUT": "0.5"}, 0.5),
        (None, {"TIMEOUT": "10000"}, 10.0),
        (None, {"TIMEOUT": "1000"}, 1.0),
        (None, {"TIMEOUT": "999"}, 999.0),
        (5000, {}, 5000),
    ],
    ids=str,
)
def test_a_timeout_is_found(given: float | None, environ: dict[str, str], expected: float) -> None:
    """Ten seconds, written in milliseconds, are three hours."""
    assert read(environ, timeout_seconds=given).timeout_seconds == expected


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_timeout_that_is_none_is_told(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake in a variable stops the program, or goes unseen."""
    assert read({"TIMEOUT": text}).timeout_seconds == 10
    assert caplog.messages == [
        f"OTEL_EXPORTER_OTLP_TIMEOUT must be a positive number, got {text!r}; 10 s it is"
    ]


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        (None, {}, "gzip"),
        ("none", {"COMPRESSION": "gzip"}, "none"),
        (None, {"COMPRESSION": "None"}, "none"),
        (None, {"COMPRESSION": "none", "TRACES_COMPRESSION": "gzip"}, "gzip"),
        (None, {"COMPRESSION": "deflate"}, "gzip"),
    ],
    ids=str,
)
def test_a_compression_is_found(given: str | None, environ: dict[str, str], expected: str) -> None:
    """A collector gets bodies that it cannot read."""
    assert read(environ, compression=given).compression == expected


@pytest.mark.parametrize(
    "mistake",
    [
        {"timeout_seconds": 0},
        {"timeout_seconds": -1},
        {"timeout_seconds": float("nan")},
        {"compression": "zip"},
        {"certificate": "/nowhere/ca.pem"},
        {"client_certificate": "/nowhere/me.pem"},
        {"client_key": "/nowhere/me.key"},
        {"max_waiting_bytes": 0},
        {"give_up_seconds": 0},
        {"give_up_seconds": float("nan")},
    ],
    ids=str,
)
def test_a_mistake_is_refused_where_it_is_made(mistake: dict[str, Any]) -> None:
    """A mistake is found out by spans that never arrive."""
    ((name, value),) = mistake.items()
    with pytest.raises(ValueError, match=name) as caught:
        OTLPSpanExporter(environ={}, **mistake)
    assert repr(value) in str(caught.value)


def test_certificates_are_found(tmp_path: Path) -> None:
    """A collector with a certificate of its own cannot be reached."""
    files = {name: tmp_path / f"{name}.pem" for name in ("a", "b", "c", "d")}
    for file in files.values():
        file.touch()
    settings = read(
        {
            "CERTIFICATE": str(files["a"]),
            "TRACES_CERTIFICATE": str(files["b"]),
            "CLIENT_CERTIFICATE": str(files["c"]),
            "CLIENT_KEY": str(files["d"]),
        },
        client_key=str(files["a"]),
    )
    assert settings.certificate == str(files["b"])
    assert settings.client_certificate == str(files["c"])
    assert settings.client_key == str(files["a"])


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, None),
        ({"PROTOCOL": "http/protobuf"}, None),
        ({"PROTOCOL": "grpc"}, "'grpc'"),
        ({"PROTOCOL": "grpc", "TRACES_PROTOCOL": "http/protobuf"}, None),
        ({"TRACES_PROTOCOL": "http/json"}, "'http/json'"),
    ],
    ids=str,
)
def test_another_protocol_than_ours_is_mentioned(
    environ: dict[str, str], told: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Spans go to a gRPC port, and nobody knows why they do not arrive."""
    read(environ)
    assert len(caplog.messages) == (told is not None)
    assert told is None or f"the environment asks for {told}" in caplog.text


def test_an_exporter_that_cannot_be_made_is_one_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A mistake in a variable stops the program."""
    environ = {f"{PREFIX}ENDPOINT": "localhost"}
    assert otlp_exporter(None, resource={}, environ=environ) is None
    (line,) = caplog.messages
    assert line.startswith("traces are not sent to a collector: endpoint must begin with")


def test_an_exporter_without_requests_is_one_log_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing extra stops the program, or says nothing of what to install."""
    monkeypatch.setitem(sys.modules, "requests", None)
    assert otlp_exporter("http://c", resource={}, environ={}) is None
    (line,) = caplog.messages
    assert line == (
        "traces are not sent to a collector: requests is not installed. "
        "Try: uv add 'tta-observability-integration[otlp]'"
    )


def test_an_exporter_is_made() -> None:
    """The door to a collector is closed."""
    exporter = otlp_exporter("http://c", resource={"service.name": "shop"}, environ={})
    assert exporter is not None
    assert (exporter.name, exporter.exported, exporter.dropped) == ("otlp", 0, 0)
    exporter.shutdown(0)
