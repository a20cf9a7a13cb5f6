"""Addresses of collectors: where each signal is posted, and no password in what is shown."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_SIGNAL_PATHS: Final = ("/v1/traces", "/v1/metrics", "/v1/logs")


def below_base(url: str, path: str, *, always: bool = False) -> str:
    """Return where a signal is posted below a base address.

    Args:
        url: The base address, or a whole one that ends in the path of any signal.
        path: Of the signal, such as `/v1/traces`.
        always: Whether *url* is a base address, whatever it ends in.

    Raises:
        ValueError: *url* is no address.
    """
    parts = _parts(url)
    base = parts.path.rstrip("/")
    if not always:
        for known in _SIGNAL_PATHS:
            base = base.removesuffix(known)
    return parts._replace(path=base + path).geturl()


def without_credentials(url: str) -> tuple[str, dict[str, str]]:
    """Return *url* without user name and password, and the header that they become.

    Raises:
        ValueError: It is no address. What it is is not told, as it can hold a password.
    """
    parts = _parts(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = "endpoint must begin with http:// or https:// and name a host"
        raise ValueError(msg)
    if "@" in parts.path + parts.fragment:
        # A password with a slash ends the host where it should not, and the rest would be shown.
        msg = "endpoint has an @ in its path: write / in a password as %2F, and @ in a path as %40"
        raise ValueError(msg)
    credentials, at, host = parts.netloc.rpartition("@")
    if not at:
        return parts._replace(fragment="").geturl(), {}
    secret = base64.b64encode(unquote(credentials).encode()).decode()
    authorization = {"authorization": f"Basic {secret}"}
    return parts._replace(netloc=host, fragment="").geturl(), authorization


def _parts(url: object) -> SplitResult:
    if not isinstance(url, str):  # from the app
        msg = f"endpoint must be text, got {type(url).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - told like any other endpoint that cannot be used
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for one that is no number
    except ValueError:
        msg = (
            "endpoint must have a host, and a number for its port; write special characters of a "
            "password like %2F"
        )
        raise ValueError(msg) from None  # the error has the text in it
    return parts
