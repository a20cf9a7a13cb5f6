"""Multipart forms: take a request body apart into its parts, and write parts as a body."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from keploy_framework.exchange import header

from .fields import check_field, parse_fields
from .refusals import Reason, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keploy_framework.exchange import Headers

_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_PARAMETER: Final = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')
_ESCAPED: Final = re.compile(r'\\(["\\])')
_MOST_HEADERS = 20
_HEAD_LIMIT = 16_384
_DISPOSITION = "Content-Disposition"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart form.

    Args:
        headers: As in the body, in order.
        data: What it holds; a transfer encoding is still on it.
    """

    headers: Headers
    data: bytes

    @property
    def name(self) -> str:
        """The field's name; empty where it has none."""
        return self._parameter("name") or ""

    @property
    def filename(self) -> str | None:
        """The file's name as the client gave it, or None for a field that is no file.

        It may hold anything, slashes included: never open a path made of it.
        """
        return self._parameter("filename")

    @property
    def content_type(self) -> str:
        """The value of ``Content-Type``; empty where there is none."""
        return header(self.headers, "Content-Type") or ""

    def _parameter(self, name: str) -> str | None:
        found = _parameters(header(self.headers, _DISPOSITION) or "")
        # Some clients write what is not ASCII this way only.
        extended = found.get(f"{name}*", "").partition("''")[2]
        return unquote(extended) if extended and name not in found else found.get(name)


@dataclass(frozen=True, slots=True)
class FormField:
    """Everything a form holds under one name.

    Args:
        key: The name.
        values: The texts of it, in order.
        files: The parts that are files, or are not UTF-8, in order.
    """

    key: str
    values: tuple[str, ...] = ()
    files: tuple[Part, ...] = ()


def boundary_of(content_type: str) -> str:
    """Give the boundary that a ``Content-Type`` names.

    Raises:
        WireError: It is no multipart type, or its boundary is none.
    """
    kind = content_type.partition(";")[0].strip().lower()
    boundary = _parameters(content_type).get("boundary", "")
    if not kind.startswith("multipart/") or not _BOUNDARY.fullmatch(boundary):
        raise refusal(Reason.MULTIPART, content_type)
    return boundary


def parse_multipart(body: bytes, content_type: str, *, most_parts: int = 1000) -> tuple[Part, ...]:
    """Take a multipart body apart, in order.

    What stands before the first boundary and after the last one is left out. Parts that are
    multipart themselves stay whole.

    Args:
        body: The body, content encodings taken off.
        content_type: The value of ``Content-Type``.
        most_parts: How many parts there may be.

    Raises:
        WireError: The body does not follow its type, was cut short, or has too many parts.
    """
    delimiter = b"--" + boundary_of(content_type).encode("latin-1")
    # The first delimiter needs no line break before it.
    text = b"\r\n" + body
    line = re.compile(rb"\r\n" + re.escape(delimiter) + rb"(--)?[ \t]*(?:\r\n|\Z)")
    parts: list[Part] = []
    found = line.search(text)
    while found is not None and not found[1]:
        if len(parts) == most_parts:
            raise refusal(Reason.MULTIPART_TOO_LARGE, most_parts)
        start = found.end()
        found = line.search(text, start)
        if found is None:
            break
        parts.append(_part(text[start : found.start()]))
    if found is None:
        raise refusal(Reason.MULTIPART, f"{len(body)} bytes without the last boundary")
    return tuple(parts)


def multipart_bytes(parts: Iterable[Part], boundary: str) -> bytes:
    """Write parts as a body.

    Taken apart again, it gives equal parts; what browsers and common clients sent is written
    byte for byte as it was.

    Args:
        parts: What to write, in order.
        boundary: What separates them, as `boundary_of` gives it.

    Raises:
        WireError: The boundary is none, or a line of a part begins with it, as readers differ in
            what they make of that; a header would not stay within its line.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise refusal(Reason.MULTIPART_BOUNDARY, boundary)
    delimiter = b"--" + boundary.encode("latin-1")
    pieces: list[bytes] = []
    for part in parts:
        if b"\r\n" + delimiter in b"\r\n" + part.data:
            raise refusal(Reason.MULTIPART_BOUNDARY, boundary)
        for name, value in part.headers:
            check_field(name, value)
        lines = "".join(f"{name}: {value}\r\n" for name, value in part.headers).encode("latin-1")
        pieces.append(b"%b\r\n%b\r\n%b\r\n" % (delimiter, lines, part.data))
    return b"".join(pieces) + delimiter + b"--\r\n"


def text_part(name: str, value: str) -> Part:
    """Make the part of a text field."""
    return Part(((_DISPOSITION, f"form-data; name={_quoted(name)}"),), value.encode())


def file_part(name: str, filename: str, data: bytes, content_type: str = "") -> Part:
    """Make the part of a file.

    Args:
        name: The field's name.
        filename: The file's name, as the client shall give it.
        data: What the file holds.
        content_type: Its media type; empty for none.
    """
    disposition = f"form-data; name={_quoted(name)}; filename={_quoted(filename)}"
    kind = (("Content-Type", content_type),) if content_type else ()
    return Part(((_DISPOSITION, disposition), *kind), data)


def form_fields(parts: Iterable[Part]) -> tuple[FormField, ...]:
    """Gather parts by name, in the order in which the names first came."""
    texts: dict[str, list[str]] = {}
    files: dict[str, list[Part]] = {}
    for part in parts:
        values = texts.setdefault(part.name, [])
        text = None if part.filename is not None else _utf8(part.data)
        if text is None:
            files.setdefault(part.name, []).append(part)
        else:
            values.append(text)
    return tuple(
        FormField(key, tuple(values), tuple(files.get(key, ()))) for key, values in texts.items()
    )


def _part(raw: bytes) -> Part:
    head, end, data = (b"", b"\r\n", raw[2:]) if raw[:2] == b"\r\n" else raw.partition(b"\r\n\r\n")
    if not end or len(head) > _HEAD_LIMIT:
        raise refusal(Reason.MULTIPART, f"a part of {len(raw)} bytes without headers")
    lines = f"{head.decode('latin-1')}\r\n" if head else ""
    return Part(parse_fields(lines, _MOST_HEADERS), data)


def _parameters(value: str) -> dict[str, str]:
    """Read the parameters of a header's value; of several with one name the first counts."""
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(value):
        text: str = _ESCAPED.sub(r"\1", quoted) if quoted else plain
        with contextlib.suppress(UnicodeError):  # it is no UTF-8, or was text already
            text = text.encode("latin-1").decode()
        found.setdefault(name.lower(), text)
    return found


def _quoted(text: str) -> str:
    """Quote as browsers do, each byte of the UTF-8 one character."""
    for character, escaped in (('"', "%22"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(character, escaped)
    return f'"{text.encode().decode("latin-1")}"'


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
