"""Find the fields of a response that will differ in the next run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from keploy_framework.matching.decoded import decoded_body
from keploy_framework.matching.json_values import NOT_JSON, Json, parse_json
from keploy_framework.matching.response.frames import frames_of, is_framed
from keploy_framework.matching.volatile.identifiers import identifier_kind
from keploy_framework.matching.volatile.times import is_epoch, is_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keploy_framework.exchange import Request, Response


def find_noise(
    response: Response, *, now: int, request: Request | None = None
) -> dict[str, list[str]]:
    """Give the noise that a recorded test gets: fields with times or identifiers.

    The paths have no indexes of arrays: one volatile item makes the field noise in all of
    them. An identifier that the request has too is none, as it will be sent again.

    Args:
        response: The response; its body may have its content encoding on.
        now: When it was recorded, in nanoseconds since 1970.
        request: The request it answers.
    """
    noise: dict[str, list[str]] = {}
    sent = "" if request is None else _text_of(request)
    for name, value in response.headers:
        if is_time(value, now) or _is_new_identifier(value, name, sent):
            noise[f"header.{name}"] = []
    for path, value in _leaves_of_body(response):
        name = path.rpartition(".")[2]
        if isinstance(value, str):
            is_volatile = is_time(value, now) or _is_new_identifier(value, name, sent)
        else:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            is_volatile = is_number and is_epoch(value, now)
        if is_volatile and path:
            noise[f"body.{path}"] = []
    return noise


# Any: JSON of any shape.
def leaves(value: Json, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what is no container in a JSON value, with its path, without indexes."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Json]", value).items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in cast("list[Json]", value):
            yield from leaves(inner, path)
    else:
        yield path, value


# Any: JSON of any shape.
def _leaves_of_body(response: Response) -> Iterator[tuple[str, Any]]:
    body = decoded_body(response).data
    if not is_framed(response):
        parsed = parse_json(body)
        if parsed is not NOT_JSON:
            yield from leaves(parsed)
        return
    for fields in frames_of(response, body):
        for name, text in fields.items():
            parsed = parse_json(text) if name in ("data", "raw") else NOT_JSON
            if parsed is NOT_JSON:
                yield name, text.decode(errors="replace") if isinstance(text, bytes) else text
            else:
                yield from leaves(parsed)


def _is_new_identifier(value: str, name: str, sent: str) -> bool:
    return identifier_kind(value, name) is not None and value not in sent


def _text_of(request: Request) -> str:
    headers = "\n".join(value for _, value in request.headers)
    return f"{request.target}\n{headers}\n{request.body.decode(errors='replace')}"
