"""Headers as a file keeps them, one text for each name, and as the wire has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keploy_framework.exchange import Headers

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# A comma within a date has no `name=` right after it.
_NEXT_COOKIE: Final = re.compile(r",(?=\s*[^\s;,=]+=)")


def canonical_name(name: str) -> str:
    """Give a header's name the case that recordings have, such as ``Content-Type``."""
    if not _TOKEN.fullmatch(name):
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def headers_to_data(headers: Headers) -> dict[str, str | bytes]:
    """Join the values of a name with commas; a value that is not UTF-8 becomes bytes."""
    joined: dict[str, bytes] = {}
    for name, value in headers:
        key, raw = canonical_name(name), value.encode("latin-1", errors="replace")
        joined[key] = b",".join((joined[key], raw)) if key in joined else raw
    return {name: text_or_bytes(raw) for name, raw in joined.items()}


# Any: other tools write the files too.
def headers_from_data(data: Mapping[str, Any]) -> Headers:
    """Give headers in the order of the file; joined cookies are taken apart again."""
    headers: list[tuple[str, str]] = []
    for key, value in data.items():
        name, text = str(key), _wire_text(value)
        if name.lower() == "set-cookie":
            headers.extend((name, cookie.strip()) for cookie in _NEXT_COOKIE.split(text))
        else:
            headers.append((name, text))
    return tuple(headers)


def text_or_bytes(data: bytes) -> str | bytes:
    """Give text where the bytes are UTF-8, otherwise the bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def bytes_of(value: str | bytes) -> bytes:
    """Give the bytes of a text or of bytes."""
    return value if isinstance(value, bytes) else value.encode()


# Any: other tools write the files too.
def _wire_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_wire_text(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return "" if value is None else str(value).encode(errors="replace").decode("latin-1")
