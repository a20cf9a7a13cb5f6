"""Multipart forms: their parts in a body, and as a recording lists them."""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass
from typing import Final

_BOUNDARY: Final = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;,"]{1,200}))', re.IGNORECASE)
_PARAMETER: Final = re.compile(
    r';\s*(name|filename)=(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))', re.IGNORECASE
)
_MOST_PARTS: Final = 10_000
OWN_BOUNDARY: Final = "keploy-form-boundary"
"""What separates the parts where the recording does not say."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a form.

    Args:
        name: The name of the field.
        data: Its content.
        filename: The name of the file; ``None`` for a plain field.
        content_type: The type of the content; empty where none was given.
    """

    name: str
    data: bytes
    filename: str | None = None
    content_type: str = ""


def boundary_of(content_type: str) -> str | None:
    """Give what separates the parts; ``None`` for anything but a multipart form."""
    if not content_type.lower().lstrip().startswith("multipart/form-data"):
        return None
    match = _BOUNDARY.search(content_type)
    return (match[1] or match[2]) if match else ""


def parts_of(body: bytes, boundary: str) -> list[Part] | None:
    """Take a body apart; ``None`` where it is not a form that can be put together again.

    Parts with other headers than a name, a file name and a content type do not count as such.
    """
    border = b"\r\n--" + boundary.encode("latin-1", errors="replace")
    pieces = (b"\r\n" + body).split(border, _MOST_PARTS + 1)
    if len(pieces) > _MOST_PARTS or pieces[0] or pieces[-1] not in (b"--", b"--\r\n"):
        return None
    parts = [_part(piece) for piece in pieces[1:-1]]
    found = [part for part in parts if part is not None]
    return found if found and len(found) == len(parts) else None


def body_of(parts: list[Part], boundary: str) -> bytes:
    """Put a body together; a file without a content type gets that of its name's ending."""
    lines: list[bytes] = []
    border = b"--" + boundary.encode("latin-1", errors="replace")
    for part in parts:
        disposition = f'Content-Disposition: form-data; name="{_quoted(part.name)}"'
        content_type = part.content_type
        if part.filename is not None:
            disposition += f'; filename="{_quoted(part.filename)}"'
            guessed = mimetypes.guess_type(part.filename)[0]
            content_type = content_type or guessed or "application/octet-stream"
        lines += [border, disposition.encode()]
        if content_type:
            lines.append(f"Content-Type: {content_type}".encode())
        lines += [b"", part.data]
    return b"\r\n".join([*lines, border + b"--", b""])


def _part(piece: bytes) -> Part | None:
    head, gap, data = piece.partition(b"\r\n\r\n")
    if not gap or not head.startswith(b"\r\n"):
        return None
    fields: dict[str, str] = {}
    for line in head[2:].decode("utf-8", errors="surrogateescape").split("\r\n"):
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    disposition = fields.pop("content-disposition", "")
    content_type = fields.pop("content-type", "")
    found = {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(disposition)
    }
    if fields or "name" not in found or not disposition.lower().startswith("form-data"):
        return None
    if any("\udc80" <= character <= "\udcff" for text in found.values() for character in text):
        return None
    return Part(found["name"], data, found.get("filename"), content_type)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "%0D").replace("\n", "%0A")
