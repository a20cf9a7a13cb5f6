"""Recorded requests made fit to be sent again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from keploy_framework.checks import checked_mapping
from keploy_framework.errors import KeployConfigError
from keploy_framework.exchange import header
from keploy_framework.formats.narrow import is_mapping
from keploy_framework.wire import encode_body, with_encoding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from keploy_framework.exchange import Request

# They belong to the connection they were recorded on, or ask for what is no part of a test.
_OF_THE_CONNECTION: Final = frozenset(
    ("connection", "keep-alive", "transfer-encoding", "proxy-connection", "expect", "upgrade", "te")
)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Replacements:
    """What is replaced in the URLs of tests, as ``test.replaceWith`` of a configuration has it.

    Args:
        urls: Beginnings of URLs, and what stands there instead.
        ports: Ports, and what stands there instead.
    """

    urls: Mapping[str, str] = field(default_factory=dict[str, str])
    ports: Mapping[int, int] = field(default_factory=dict[int, int])

    @classmethod
    def from_data(cls, data: object, test_set: str) -> Self:
        """Read the section for a test set; what it says counts more than what is global.

        Raises:
            KeployConfigError: A value has the wrong type.
        """
        key = "test.replaceWith"
        section = checked_mapping(data, key)
        urls: dict[str, str] = {}
        ports: dict[int, int] = {}
        sets = checked_mapping(section.get("test-sets"), f"{key}.test-sets")
        for level in (section.get("global"), sets.get(test_set)):
            named = checked_mapping(level, key)
            for old, new in _inner(named.get("url"), f"{key}.url").items():
                urls[str(old)] = str(new)
            for old, new in _inner(named.get("port"), f"{key}.port").items():
                ports[_port(old, key)] = _port(new, key)
        return cls(urls, ports)

    def apply(self, request: Request) -> Request:
        """Give a request with its URL replaced; its ``Host`` follows."""
        url = request.url
        for old, new in self.urls.items():
            if url.startswith(old):
                url = new + url[len(old) :]
                break
        parts = urlsplit(url)
        host = parts.netloc
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        if port in self.ports:
            host = f"{host.removesuffix(f':{parts.port}')}:{self.ports[port]}"
        if url == request.url and host == request.host:
            return request
        target = url.partition("://")[2].partition("/")[2]
        headers = tuple(
            (name, host if name.lower() == "host" else value) for name, value in request.headers
        )
        return replace(
            request, scheme=parts.scheme, host=host, target=f"/{target}", headers=headers
        )


def ready_to_ask(request: Request) -> Request:
    """Make a recorded request fit to be sent: framed anew, its content encoding on again.

    Args:
        request: The request with its body decoded, as files have it.
    """
    headers = tuple(
        field for field in request.headers if field[0].lower() not in _OF_THE_CONNECTION
    )
    if header(headers, "host") is None:
        headers = (("Host", request.host), *headers)
    encoded = encode_body(request.body, header(headers, "content-encoding") or "")
    headers = with_encoding(headers, encoded.encoding)
    return replace(request, headers=headers, body=encoded.data)


def _inner(found: object, key: str) -> dict[object, object]:
    if found is None:
        return {}
    if not is_mapping(found):
        problem = f"must be a mapping, got {found!r}; write 'old: new' lines"
        raise KeployConfigError(problem, key=key, value=found)
    return found


def _port(value: object, key: str) -> int:
    try:
        return int(str(value))
    except ValueError as error:
        problem = f"has a port that is none, {value!r}; write a whole number"
        raise KeployConfigError(problem, key=key, value=value) from error
