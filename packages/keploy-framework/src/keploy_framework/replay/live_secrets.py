"""Secrets that the app gives out while it is tested, for the requests that send them back.

A recorded login gave a token, and its placeholder stands in the test and in every request that
used the token. The app under test gives another one, which has to be sent in its place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from keploy_framework.matching.json_values import NOT_JSON, Json, parse_json
from keploy_framework.redaction.ledger import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keploy_framework.exchange import Headers, Request, Response

_SHORTEST: Final = len(MARK) + 3


class LiveSecrets:
    """What stands in recorded requests, and what the app gave in its place.

    It is kept in memory while a set runs, and written nowhere. Not safe to use from two threads.
    """

    def __init__(self) -> None:
        self._live: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<LiveSecrets, {len(self._live)} known>"

    def learn(self, recorded: Response, actual: Response) -> None:
        """Take the live values of the placeholders that a recorded response has.

        Args:
            recorded: The recorded response.
            actual: The response that came, its body without content encoding.
        """
        for placeholder, live in _pairs(recorded, actual):
            if MARK in placeholder and len(placeholder) >= _SHORTEST and live:
                self._live[placeholder] = live

    def fill(self, request: Request) -> Request:
        """Put the live values into a recorded request, its body without content encoding."""
        if not self._live:
            return request
        body = request.body
        if MARK.encode() in body:
            body = self._filled(body.decode("latin-1")).encode("latin-1", errors="replace")
        return replace(
            request,
            target=self._filled(request.target),
            headers=tuple((name, self._filled(value)) for name, value in request.headers),
            body=body,
        )

    def _filled(self, text: str) -> str:
        if MARK not in text:
            return text
        # A placeholder may stand within a longer one, such as the signature within a token.
        for placeholder in sorted(self._live, key=len, reverse=True):
            text = text.replace(placeholder, self._live[placeholder])
        return text


def _pairs(recorded: Response, actual: Response) -> Iterator[tuple[str, str]]:
    yield from zip(_values(recorded.headers), _values_like(recorded, actual), strict=True)
    if MARK.encode() in recorded.body:
        wanted, came = parse_json(recorded.body), parse_json(actual.body)
        if wanted is not NOT_JSON and came is not NOT_JSON:
            yield from _leaves(wanted, came)


def _values(headers: Headers) -> list[str]:
    return [_value(name, value) for name, value in headers]


def _values_like(recorded: Response, actual: Response) -> list[str]:
    """Give the values that came under the names of the recorded headers, cookies by theirs."""
    came = {_key(name, value): _value(name, value) for name, value in actual.headers}
    return [came.get(_key(name, value), "") for name, value in recorded.headers]


def _key(name: str, value: str) -> str:
    lower = name.lower()
    return f"{lower} {value.partition('=')[0].strip()}" if lower == "set-cookie" else lower


def _value(name: str, value: str) -> str:
    if name.lower() != "set-cookie":
        return value
    return value.partition(";")[0].partition("=")[2].strip()


def _leaves(wanted: Json, came: Json) -> Iterator[tuple[str, str]]:
    if isinstance(wanted, dict) and isinstance(came, dict):
        given = cast("dict[str, Json]", came)
        for key, value in cast("dict[str, Json]", wanted).items():
            if key in given:
                yield from _leaves(value, given[key])
    elif isinstance(wanted, list) and isinstance(came, list):
        pairs = zip(cast("list[Json]", wanted), cast("list[Json]", came), strict=False)
        for one, other in pairs:
            yield from _leaves(one, other)
    elif isinstance(wanted, str) and isinstance(came, str):
        yield wanted, came
