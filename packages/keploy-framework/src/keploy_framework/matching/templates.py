"""Values that stand as ``{{string .name}}`` in recordings: filled in, and learned anew."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast
from urllib.parse import quote

from keploy_framework.matching.decoded import decoded_body
from keploy_framework.matching.json_values import NOT_JSON, Json, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keploy_framework.exchange import Headers, Request, Response

# Any: what config.yaml holds, or JSON of a live response.
Value: TypeAlias = Any

_PLACEHOLDER: Final = re.compile(r"\{\{\s*(string|int|float)\s+\.([\w-]+)\s*\}\}")
_STRING_OR_PLACEHOLDER: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|\{\{\s*(?:string|int|float)\s+\.[\w-]+\s*\}\}', re.DOTALL
)
_URL_SAFE: Final = "%/:?#[]@!$&'()*+,;=~-._"


@dataclass(slots=True)
class Templates:
    """The values of a test set's templates while it is replayed.

    A name that has no value stays as it is. Not safe to use from two threads.

    Args:
        values: Values by name, as ``config.yaml`` has them below ``template``; they are changed
            when a value is learned.
    """

    values: dict[str, Value] = field(default_factory=dict[str, Value])

    def fill_request(self, request: Request) -> Request:
        """Put the values into the target, the host, the headers and the body of a request."""
        return replace(
            request,
            target=_PLACEHOLDER.sub(
                lambda found: quote(self._text(found), safe=_URL_SAFE), request.target
            ),
            host=self.fill(request.host),
            headers=self._headers(request.headers),
            body=self._body(request.body),
        )

    def fill_response(self, response: Response) -> Response:
        """Put the values into the headers and the body of a recorded response."""
        body = self._body(response.body)
        chunks = tuple(replace(one, data=self._body(one.data)) for one in response.chunks)
        if chunks:
            body = b"".join(chunk.data for chunk in chunks)
        size = response.body_size if response.body_skipped else len(body)
        headers = self._headers(response.headers)
        return replace(response, headers=headers, body=body, chunks=chunks, body_size=size)

    def fill(self, text: str) -> str:
        """Put the values into a text."""
        return _PLACEHOLDER.sub(self._text, text)

    def learn(self, request: Request, recorded: Response, actual: Response) -> dict[str, Value]:
        """Take values from a live response where the recorded one has their names.

        A name that the request uses too is not learned: the response then has to agree with
        what was sent. Of a name that comes several times the first value counts.

        Args:
            request: The recorded request, its names not filled in.
            recorded: The recorded response, its names not filled in.
            actual: The response that came, as on the wire.
        """
        sent = _names_in(request)
        learned: dict[str, Value] = {}
        for kind, name, value in _pairs(recorded, actual):
            typed = _typed(kind, value)
            if name not in sent and name not in learned and typed is not None:
                learned[name] = typed
        self.values.update(learned)
        return learned

    def missing(self, text: str) -> tuple[str, ...]:
        """Give the names in a text that have no value, each once."""
        names = (found[2] for found in _PLACEHOLDER.finditer(text))
        return tuple(dict.fromkeys(name for name in names if name not in self.values))

    def _headers(self, headers: Headers) -> Headers:
        return tuple((name, self.fill(value)) for name, value in headers)

    def _body(self, body: bytes) -> bytes:
        if b"{{" not in body:
            return body
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return body
        if not text.lstrip().startswith(("{", "[", '"')):
            return self.fill(text).encode()
        # Within a string of JSON a quote or a newline of the value needs its escape.
        return _STRING_OR_PLACEHOLDER.sub(self._in_json, text).encode()

    def _in_json(self, found: re.Match[str]) -> str:
        text = found[0]
        if not text.startswith('"'):
            return self.fill(text)
        return _PLACEHOLDER.sub(lambda one: json.dumps(self._text(one))[1:-1], text)

    def _text(self, found: re.Match[str]) -> str:
        kind, name = found[1], found[2]
        value = self.values.get(name)
        if value is None:
            return found[0]
        typed = _typed(kind, value)
        text = value if typed is None else typed
        return text if isinstance(text, str) else json.dumps(text, ensure_ascii=False, default=str)


def _typed(kind: str, value: Value) -> Value | None:
    """Give a value as the kind that a template names; ``None`` where it is none."""
    if kind == "string":
        if isinstance(value, str):
            return value
        return json.dumps(value) if isinstance(value, int | float) else None
    if isinstance(value, bool):
        return None
    try:
        return int(value) if kind == "int" else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _names_in(request: Request) -> set[str]:
    texts = [request.target, request.host, request.body.decode(errors="replace")]
    texts += (value for _, value in request.headers)
    return {found[2] for text in texts for found in _PLACEHOLDER.finditer(text)}


def _pairs(recorded: Response, actual: Response) -> Iterator[tuple[str, str, Value]]:
    given = {name.lower(): value for name, value in actual.headers}
    for name, value in recorded.headers:
        yield from _within(value, given.get(name.lower(), ""))
    if b"{{" in recorded.body:
        template = _STRING_OR_PLACEHOLDER.sub(_quoted, recorded.body.decode(errors="replace"))
        wanted, came = parse_json(template), parse_json(decoded_body(actual).data)
        if wanted is not NOT_JSON and came is not NOT_JSON:
            yield from _leaves(wanted, came)


def _quoted(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith('"') else json.dumps(found[0])


def _leaves(wanted: Json, came: Json) -> Iterator[tuple[str, str, Value]]:
    if isinstance(wanted, dict) and isinstance(came, dict):
        given = cast("dict[str, Json]", came)
        for key, value in cast("dict[str, Json]", wanted).items():
            if key in given:
                yield from _leaves(value, given[key])
    elif isinstance(wanted, list) and isinstance(came, list):
        items = cast("list[Json]", wanted)
        for one, other in zip(items, cast("list[Json]", came), strict=False):
            yield from _leaves(one, other)
    elif isinstance(wanted, str) and not isinstance(came, dict | list):
        whole = _PLACEHOLDER.fullmatch(wanted)
        if whole:
            yield whole[1], whole[2], came
        elif isinstance(came, str):
            yield from _within(wanted, came)


def _within(wanted: str, came: str) -> Iterator[tuple[str, str, str]]:
    """Yield the values of names that stand within other text, such as ``/users/{{int .id}}``."""
    found = list(_PLACEHOLDER.finditer(wanted))
    if not found:
        return
    pattern, at = "", 0
    for one in found:
        pattern += re.escape(wanted[at : one.start()]) + "(.+?)"
        at = one.end()
    match = re.fullmatch(pattern + re.escape(wanted[at:]), came, re.DOTALL)
    if match:
        for one, value in zip(found, match.groups(), strict=True):
            yield one[1], one[2], value
