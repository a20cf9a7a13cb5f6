"""What the headers say about the message: where it ends, and what follows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .refusals import Reason, refusal

if TYPE_CHECKING:
    from keploy_framework.exchange import Headers

_TELLING: Final = frozenset(
    (
        "content-length",
        "transfer-encoding",
        "connection",
        "host",
        "upgrade",
        "expect",
        "content-type",
    )
)
_HOST: Final = re.compile(r"[0-9A-Za-z\-._~!$%&'()*+;=:\[\]]*")
_HOST_AND_PORT: Final = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z\-._~!$%&'()*+;=]+):[0-9]{1,5}"
)
_URL: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.\-]*://([0-9A-Za-z\-._~!$%&'()*+;=:\[\]]+)((?:[/?].*)?)"
)
# More digits are no length of anything, and Python refuses to read endless ones.
_MOST_DIGITS = 18


def telling_headers(headers: Headers) -> dict[str, str]:
    """Gather the headers that say how to read the message, by lower-case name, several joined."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        if key in _TELLING:
            found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def body_length(found: dict[str, str], minor_version: int) -> int | None:
    """Give the length the headers announce: -1 for none, None for chunks.

    Several equal lengths count as one; everything else that two readers might read differently
    is refused.

    Raises:
        WireError: The headers contradict one another or cannot be understood.
    """
    announced = found.get("content-length")
    coding = found.get("transfer-encoding")
    if coding is not None:
        if announced is not None:
            raise refusal(Reason.BOTH_FRAMINGS)
        _check_chunked(coding, minor_version)
        return None
    return -1 if announced is None else _length(announced)


def keeps_alive(found: dict[str, str], minor_version: int) -> bool:
    """Tell whether the connection may carry another message after this one."""
    connection = found.get("connection")
    if connection is None:
        return minor_version == 1
    if connection == "keep-alive":
        return True
    options = _options(connection)
    return "close" not in options and (minor_version == 1 or "keep-alive" in options)


def asked_upgrade(found: dict[str, str], minor_version: int) -> str:
    """Name the protocol the sender wants to switch to, in lower case, or nothing."""
    protocol = found.get("upgrade", "")
    if protocol and minor_version == 1 and "upgrade" in _options(found.get("connection", "")):
        return protocol.lower()
    return ""


def check_host(found: dict[str, str], minor_version: int) -> None:
    """Refuse an HTTP/1.1 request without its one valid Host.

    Raises:
        WireError: Host is absent, there is more than one, or it is none.
    """
    host = found.get("host")
    if (host is None and minor_version == 1) or (host and not _HOST.fullmatch(host)):
        raise refusal(Reason.HOST)


def check_target(method: str, target: str) -> None:
    """Refuse a target of a form the method does not have.

    Raises:
        WireError: The form does not fit.
    """
    if method == "CONNECT":
        fits = _HOST_AND_PORT.fullmatch(target) is not None
    elif target == "*":
        fits = method == "OPTIONS"
    else:
        fits = target[0] == "/" or _URL.fullmatch(target) is not None
    if not fits:
        raise refusal(Reason.TARGET, method)


def split_target(target: str) -> tuple[str, str, str]:
    """Split a target into scheme, host and the path with the query.

    Scheme and host are empty unless the target is an absolute URL, as clients send it to a proxy.
    """
    url = None if target.startswith("/") else _URL.fullmatch(target)
    if url is None:
        return "", "", target
    path = url[2] if url[2].startswith("/") else f"/{url[2]}"
    return target.partition(":")[0].lower(), url[1], path


def _length(announced: str) -> int:
    if not (announced.isascii() and announced.isdecimal()):
        lengths = {length.strip(" \t") for length in announced.split(",")}
        announced = lengths.pop()
        if lengths or not (announced.isascii() and announced.isdecimal()):
            raise refusal(Reason.CONTENT_LENGTH, announced)
    if len(announced) > _MOST_DIGITS:
        raise refusal(Reason.CONTENT_LENGTH, announced)
    return int(announced)


def _check_chunked(coding: str, minor_version: int) -> None:
    codings = [part.strip(" \t") for part in coding.lower().split(",")]
    if codings[-1] != "chunked" or codings.count("chunked") != 1 or "" in codings:
        raise refusal(Reason.TRANSFER_ENCODING, coding)
    if minor_version == 0:
        raise refusal(Reason.TRANSFER_ENCODING_VERSION)
    if len(codings) > 1:
        raise refusal(Reason.TRANSFER_ENCODING_UNSUPPORTED, coding)


def _options(connection: str) -> list[str]:
    return [option.strip(" \t") for option in connection.lower().split(",")]
