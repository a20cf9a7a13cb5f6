"""The curl command that sends a recorded request again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from keploy_framework.exchange import Request
    from keploy_framework.formats.models.form import Part

_LEFT_OUT: Final = frozenset(("content-length", "transfer-encoding"))
_ACTIVE: Final = re.compile(r'([\\"$`])')


def curl_text(request: Request, parts: list[Part] | None = None) -> str:
    """Give a command for a POSIX shell, one option a line.

    Bytes that are not UTF-8 appear as replacement characters; a file of a form stands as its
    name.

    Args:
        request: The request, its body decoded.
        parts: The parts of the form that make the body.
    """
    lines = [f"curl --request {_in_single(request.method)}", f"--url {_in_single(request.url)}"]
    for name, value in request.headers:
        if name.lower() not in _LEFT_OUT and not (parts and name.lower() == "content-type"):
            text = value.encode("latin-1", errors="replace").decode(errors="replace")
            lines.append(f"--header '{_escaped(f'{name}: {text}')}'")
    for part in parts or ():
        value = f"@{part.filename}" if part.filename else part.data.decode(errors="replace")
        lines.append(f"--form '{_escaped(f'{part.name}={value}')}'")
    if request.body and not parts:
        body = _ACTIVE.sub(r"\\\1", request.body.decode(errors="replace"))
        option = "--data-raw" if body.startswith("@") else "--data"
        lines.append(f'{option} "{body}"')
    return " \\\n  ".join(lines)


def _in_single(text: str) -> str:
    """Put quotes around what a shell would not take as one plain word."""
    return text if re.fullmatch(r"[\w@%+=:,./-]+", text, re.ASCII) else f"'{_escaped(text)}'"


def _escaped(text: str) -> str:
    return text.replace("'", "'\\''")
