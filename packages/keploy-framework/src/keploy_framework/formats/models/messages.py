"""Requests and responses as a file keeps them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from keploy_framework.exchange import Request, Response, header
from keploy_framework.formats.models.headers import (
    bytes_of,
    headers_from_data,
    headers_to_data,
    text_or_bytes,
)
from keploy_framework.formats.models.stream_body import stream_from_data, stream_to_data
from keploy_framework.formats.narrow import is_list
from keploy_framework.formats.timestamps import format_time
from keploy_framework.formats.yaml_text.scalars import PlainText

if TYPE_CHECKING:
    from keploy_framework.formats.models.record import Record, Section

LARGEST_BODY: Final = 1024 * 1024
"""A longer body of a test is not kept in its file, in bytes."""

UNSET_TIME: Final = PlainText("0001-01-01T00:00:00Z")
"""What stands for a time that is not set."""

_ABSOLUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)


def request_to_data(request: Request, body: bytes, *, url: str, at: int | None) -> Section:
    """Give the section ``req`` for a request.

    Args:
        request: The request.
        body: Its body, with the content encoding taken off.
        url: What to keep as its URL.
        at: Its time in nanoseconds since 1970; ``None`` leaves it unset.
    """
    data: Section = {"method": request.method, "proto_major": 1, "proto_minor": 1, "url": url}
    query = _first_of_each(request.target)
    if query:
        data["url_params"] = query
    data["header"] = headers_to_data(request.headers)
    data["body"] = text_or_bytes(body)
    data["timestamp"] = UNSET_TIME if at is None else format_time(at)
    return data


def response_to_data(
    response: Response, body: bytes | None, *, at: int | None, largest: int | None
) -> Section:
    """Give the section ``resp`` for a response.

    Args:
        response: The response.
        body: Its body with the content encoding taken off, kept as one text; ``None`` for the
            response's own, kept in timed pieces where it was streamed.
        at: Its time in nanoseconds since 1970; ``None`` leaves it unset.
        largest: The longest body to keep, in bytes; of a longer one only the length is kept.
    """
    content_type = header(response.headers, "content-type") or ""
    content = response.body if body is None else body
    size = max(response.body_size, len(content)) if response.body_skipped else len(content)
    data: Section = {
        "status_code": response.status,
        "header": headers_to_data(response.headers),
        "body": text_or_bytes(content),
    }
    if response.body_skipped or (largest is not None and size > largest):
        data |= {"body": "", "body_skipped": True, "body_size": size}
    elif body is None and response.chunks:
        data["body"] = stream_to_data(response.chunks, content_type)
    data |= {"status_message": response.reason, "proto_major": 0, "proto_minor": 0}
    data["timestamp"] = UNSET_TIME if at is None else format_time(at)
    return data


def request_from(record: Record, path: str, *, scheme: str = "http") -> Request:
    """Give the request at *path* of a record; forms and bodies in assets are not looked at.

    Raises:
        KeployFormatError: A value has the wrong type.
    """
    headers = headers_from_data(record.section(f"{path}.header"))
    url = record.text_at(f"{path}.url")
    match = _ABSOLUTE.fullmatch(url)
    host, target = (header(headers, "host") or ""), url
    if match:
        scheme, host, target = match[1].lower(), match[2], match[3]
    if not target.startswith(("/", "*")):
        target = f"/{target}"
    body = record.section(path).get("body")
    if not isinstance(body, str | bytes | None):
        raise record.wrong(body, f"{path}.body", "text")
    method = record.text_at(f"{path}.method")
    return Request(method, target, headers, bytes_of(body or ""), scheme, host)


def response_from(record: Record, path: str) -> Response:
    """Give the response at *path* of a record, whose body is text or timed pieces.

    Raises:
        KeployFormatError: A value has the wrong type.
    """
    section = record.section(path)
    headers = headers_from_data(record.section(f"{path}.header"))
    raw, chunks = section.get("body"), ()
    if is_list(raw):
        try:
            chunks = stream_from_data(raw, header(headers, "content-type") or "")
        except (AttributeError, TypeError, ValueError) as error:
            raise record.wrong(raw, f"{path}.body", "text or pieces with ts and data") from error
        body = b"".join(chunk.data for chunk in chunks)
    elif isinstance(raw, str | bytes | None):
        body = bytes_of(raw or "")
    else:
        raise record.wrong(raw, f"{path}.body", "text or pieces with ts and data")
    size = len(body)
    if section.get("body_skipped"):
        size = max(record.number_at(f"{path}.body_size"), size)
    status = record.number_at(f"{path}.status_code")
    reason = record.text_at(f"{path}.status_message")
    return Response(status, reason, headers, body, chunks, size)


def _first_of_each(target: str) -> dict[str, str]:
    from urllib.parse import parse_qsl

    query = target.partition("?")[2]
    first: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
        first.setdefault(name, value)
    return first
