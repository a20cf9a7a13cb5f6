"""Take secrets out of requests, responses and exchanges."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from keploy_framework.errors import EncodingError
from keploy_framework.exchange import Chunk, header
from keploy_framework.redaction.bodies import decoded, redact_body, redact_chunks
from keploy_framework.redaction.ledger import Ledger, collapsed
from keploy_framework.redaction.rules import RedactionRules
from keploy_framework.redaction.text import TextRedactor
from keploy_framework.redaction.urls import redact_url
from keploy_framework.wire.encodings import encode_body, with_encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Self

    from keploy_framework.exchange import Exchange, Headers, Request, Response

    Value = TypeVar("Value")

_DEFAULT: Final = RedactionRules()
_MOST_ROUNDS: Final = 4


class Redactor:
    """Replace secrets by placeholders, the same secret by the same one.

    Placeholders are numbered as secrets come, and say nothing about them; the secrets are held
    in memory only. A redacted value is left alone when it comes again, so redacting twice
    changes nothing more. Numbers differ between runs: compare what different runs made in the
    form of `comparable_request` and `comparable_response`. Not safe to use from two threads.

    Args:
        rules: What is redacted.
        known: Secrets to find wherever they stand, binary bodies included; too short ones are
            ignored, as they would be found by chance.
    """

    def __init__(self, rules: RedactionRules = _DEFAULT, *, known: Iterable[str] = ()) -> None:
        self.rules = rules
        self._ledger = Ledger(rules, known)
        self.texts = TextRedactor(self._ledger)
        self._unread: dict[str, None] = {}

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], rules: RedactionRules = _DEFAULT
    ) -> Self:
        """Make a redactor that knows the secrets of an environment, told by their names.

        Folders and files are none, though a shell calls the working folder ``PWD``.
        """
        redactor = cls(rules)
        for name, value in environment.items():
            is_path = value.startswith("/") and value.count("/") > 1
            if redactor.texts.names.header(name) and not is_path:
                redactor._ledger.learn(value)
        return redactor

    @property
    def counts(self) -> dict[str, int]:
        """How many secrets were replaced by each rule, sorted by its name."""
        return dict(sorted(self._ledger.found.items()))

    @property
    def unread(self) -> tuple[str, ...]:
        """Why bodies could not be looked into, each reason once; they were left as they are."""
        return tuple(self._unread)

    def text(self, text: str) -> str:
        """Give a text of any kind without secrets: JSON, a curl command, a log."""
        return self.settled(lambda: self.texts.text(text)) if self.rules.enabled else text

    def field(self, name: str, value: str) -> str:
        """Give the value of a field without secrets."""
        return self.settled(lambda: self.texts.field(name, value)) if self.rules.enabled else value

    def url(self, url: str) -> str:
        """Give a URL, or the path and query of one, without secrets."""
        return self.settled(lambda: redact_url(url, self.texts)) if self.rules.enabled else url

    def header(self, name: str, value: str) -> str:
        """Give the value of a header without secrets."""
        if not self.rules.enabled:
            return value
        return self.settled(lambda: self.texts.header(name, value))

    def body(self, body: bytes, content_type: str) -> bytes:
        """Give a body, without content encoding, without secrets."""
        if not self.rules.enabled:
            return body
        return self.settled(lambda: redact_body(body, content_type, self.texts))

    def request(self, request: Request) -> Request:
        """Give a request without secrets.

        A body that changed keeps its content encoding, and ``Content-Length`` says its length.
        One whose encoding cannot be taken off stays as it is; `unread` says so.
        """
        return self.settled(lambda: self._request(request)) if self.rules.enabled else request

    def response(self, response: Response) -> Response:
        """Give a response without secrets, as `request` does; pieces of streams keep times."""
        return self.settled(lambda: self._response(response)) if self.rules.enabled else response

    def exchange(self, exchange: Exchange) -> Exchange:
        """Give an exchange without secrets. What one half tells is found in the other, too."""
        if not self.rules.enabled:
            return exchange

        def both() -> Exchange:
            request, response = self._request(exchange.request), self._response(exchange.response)
            return replace(exchange, request=request, response=response)

        return self.settled(both)

    def comparable_request(self, request: Request) -> Request:
        """Give a request to match by: without secrets, and all placeholders alike.

        The live request and the recorded one agree in this form where they differ in secrets
        only. Nothing of it is written to files.
        """
        if not self.rules.enabled:
            return request
        clean = self.request(request)
        headers = _collapsed_headers(clean.headers)
        body = self._collapsed_body(clean.body, header(headers, "content-encoding") or "")
        return replace(
            clean,
            target=collapsed(clean.target),
            host=collapsed(clean.host),
            headers=with_encoding(headers, "") if body != clean.body else headers,
            body=body,
        )

    def comparable_response(self, response: Response) -> Response:
        """Give a response to judge by, as `comparable_request` does."""
        if not self.rules.enabled:
            return response
        clean = self.response(response)
        headers = _collapsed_headers(clean.headers)
        body = self._collapsed_body(clean.body, header(headers, "content-encoding") or "")
        if body == clean.body:
            return replace(clean, headers=headers)
        chunks = tuple(Chunk(one.at, _collapsed_bytes(one.data)) for one in clean.chunks)
        if chunks and b"".join(one.data for one in chunks) != body:
            chunks = (Chunk(chunks[-1].at, body),)
        size = max(len(body), clean.body_size) if clean.body_skipped else len(body)
        headers = with_encoding(headers, "")
        return replace(clean, headers=headers, body=body, chunks=chunks, body_size=size)

    def settled(self, redact: Callable[[], Value]) -> Value:
        """Redact until nothing new is learned: a secret may stand before what tells it.

        Args:
            redact: Redacts something with `texts`, the same thing each time it is called.
        """
        before, size = self._ledger.found.copy(), self._ledger.size
        result = redact()
        for _ in range(_MOST_ROUNDS):
            if self._ledger.size == size:
                break
            size = self._ledger.size
            self._ledger.found = before.copy()  # the same places are found again
            result = redact()
        return result

    def _request(self, request: Request) -> Request:
        host, target = self._place(request)
        headers = self._headers(request.headers)
        encoding = header(request.headers, "content-encoding") or ""
        content_type = header(request.headers, "content-type") or ""
        body, headers = self._whole_body(request.body, encoding, content_type, headers)
        return replace(request, target=target, host=host, headers=headers, body=body)

    def _response(self, response: Response) -> Response:
        headers = self._headers(response.headers)
        encoding = header(response.headers, "content-encoding") or ""
        content_type = header(response.headers, "content-type") or ""
        if response.body_skipped:
            return replace(response, headers=headers)
        if not response.chunks:
            body, headers = self._whole_body(response.body, encoding, content_type, headers)
            return replace(response, headers=headers, body=body, body_size=len(body))
        try:
            chunks = redact_chunks(response.chunks, content_type, encoding, self.texts)
        except EncodingError as error:
            self._unread[error.problem] = None
            return replace(response, headers=headers)
        if chunks is not response.chunks:
            headers = with_encoding(headers, "")
        body = b"".join(chunk.data for chunk in chunks)
        headers = _with_length(headers, response.body, body)
        return replace(response, headers=headers, body=body, chunks=chunks, body_size=len(body))

    def _place(self, request: Request) -> tuple[str, str]:
        """Redact host and target as the one URL they are."""
        if not request.target.startswith("/"):
            return self.texts.text(request.host), redact_url(request.target, self.texts)
        prefix = f"{request.scheme}://"
        url = redact_url(f"{prefix}{request.host}{request.target}", self.texts)
        host, slash, rest = url.removeprefix(prefix).partition("/")
        return host, slash + rest

    def _headers(self, headers: Headers) -> Headers:
        return tuple((name, self.texts.header(name, value)) for name, value in headers)

    def _whole_body(
        self, body: bytes, encoding: str, content_type: str, headers: Headers
    ) -> tuple[bytes, Headers]:
        try:
            plain = decoded(body, encoding)
        except EncodingError as error:
            self._unread[error.problem] = None
            return body, headers
        clean = redact_body(plain, content_type, self.texts)
        if clean == plain:
            return body, headers
        encoded = encode_body(clean, encoding)
        if encoded.encoding != encoding:
            headers = with_encoding(headers, encoded.encoding)
        return encoded.data, _with_length(headers, body, encoded.data)

    def _collapsed_body(self, body: bytes, encoding: str) -> bytes:
        try:
            plain = decoded(body, encoding)
        except EncodingError:
            return body
        found = _collapsed_bytes(plain)
        return body if found == plain else found


def _collapsed_bytes(data: bytes) -> bytes:
    if b"redacted-" not in data and b"999999" not in data:
        return data
    return collapsed(data.decode("latin-1")).encode("latin-1")


def _collapsed_headers(headers: Headers) -> Headers:
    return tuple((name, collapsed(value)) for name, value in headers)


def _with_length(headers: Headers, before: bytes, after: bytes) -> Headers:
    """Correct ``Content-Length`` where it was correct."""
    old, new = str(len(before)), str(len(after))
    return tuple(
        (name, new if name.lower() == "content-length" and value.strip() == old else value)
        for name, value in headers
    )
