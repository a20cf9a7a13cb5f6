"""An outgoing request in the form it is looked up by."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import parse_qsl, unquote

from keploy_framework.errors import EncodingError
from keploy_framework.matching.choice.similarity import Fields, fields_of
from keploy_framework.matching.json_values import NOT_JSON, Json, canonical, parse_json
from keploy_framework.wire.encodings import decode_body

if TYPE_CHECKING:
    from keploy_framework.exchange import Request
    from keploy_framework.matching.choice.request_noise import RequestReducer

Key: TypeAlias = "tuple[object, ...]"
Pairs: TypeAlias = "tuple[tuple[str, str], ...]"

# These choose the operation or the part that is answered, as much as the path does.
_DECIDING: Final = frozenset(("range", "soapaction", "x-amz-target"))
_ENCODING: Final = "content-encoding"
_TYPE: Final = "content-type"
_TEST: Final = "keploy-test-id"
_BOUNDARY: Final = re.compile(r'boundary="?([^";,\s]+)', re.IGNORECASE)
_MOST_BODY_BYTES: Final = 64 * 1024 * 1024
_KEPT_BODY_BYTES: Final = 256
_DYNAMIC: Final = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
    r"|[0-9a-fA-F]{16,}|(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[0-9A-Za-z]{16,}",
    re.ASCII,
)


class RequestForm:
    """What counts of an outgoing request. Parts that cost time are made when first needed.

    Headers do not count, but for ``Range``, ``SOAPAction`` and ``X-Amz-Target``, which say what
    is asked. The order of query parameters with different names does not count.

    Args:
        request: The request; its body may have its content encoding on.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.method = request.method.upper()
        self.test = ""
        self._encoding = self._content_type = host = ""
        deciding: Pairs = ()
        for name, value in request.headers:
            key = name.lower()
            if key in _DECIDING:
                deciding = (*deciding, (key, value))
            elif key == _ENCODING:
                self._encoding = value
            elif key == _TYPE:
                self._content_type = value
            elif key == "host":
                host = value
            elif key == _TEST:
                self.test = value
        self.host = plain_host(request.host or host)
        self.deciding = tuple(sorted(deciding)) if deciding else deciding

    def raw_key(self) -> Key:
        """Give the key of requests that are the same byte for byte, but for their headers."""
        request = self.request
        return (self.method, request.target, self.deciding, _short(request.body))

    @cached_property
    def exact_key(self) -> Key:
        """The key of requests that mean the same."""
        return (self.method, self.path, self.query, self.deciding, _short(self._exact_body))

    @property
    def place(self) -> Key:
        """The method, host and path."""
        return (self.method, self.host, self.path)

    @cached_property
    def path(self) -> str:
        """The path without percent signs where they mean nothing else."""
        path = self.request.target.partition("?")[0]
        return unquote(path) if "%" in path else path or "/"

    @cached_property
    def query(self) -> Pairs:
        """The names and values of the query, sorted by name."""
        text = self.request.target.partition("?")[2]
        if not text:
            return ()
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace")
        return tuple(sorted(pairs, key=lambda pair: pair[0]))

    @cached_property
    def body(self) -> bytes:
        """The body without content encoding; one that cannot be decoded stays as it is."""
        if not self._encoding:
            return self.request.body
        try:
            return decode_body(self.request.body, self._encoding, _MOST_BODY_BYTES)
        except EncodingError:
            return self.request.body

    @cached_property
    def json(self) -> Json:
        """The JSON of the body; `NOT_JSON` for any other."""
        return parse_json(self.body)

    @cached_property
    def fields(self) -> Fields | None:
        """The fields of a JSON body, to be compared by likeness; ``None`` for any other."""
        return fields_of(self.body, self.json)

    def forget(self) -> None:
        """Let go of what can be made again from the request, as forms of mocks live long."""
        for name in ("json", "_exact_body"):
            self.__dict__.pop(name, None)

    @property
    def is_form(self) -> bool:
        """Whether the body is a form of one line."""
        return "x-www-form-urlencoded" in self._content_type.lower()

    @property
    def form(self) -> Pairs:
        """The fields of a form of one line."""
        text = self.body.decode(errors="replace")
        return tuple(parse_qsl(text, keep_blank_values=True, errors="replace"))

    def noise_key(self, reducer: RequestReducer) -> Key:
        """Give the key of requests that mean the same but for noise."""
        query = reducer.query(self.query)
        return (self.method, self.path, query, self.deciding, self._reduced(reducer))

    def dynamic_path(self, *, digits: bool) -> str | None:
        """Give the path with a star for each step that a machine made; ``None`` without one.

        Args:
            digits: Whether a step of digits alone counts as such.
        """
        steps = self.path.split("/")
        plain = ["*" if is_dynamic(step, digits=digits) else step for step in steps]
        return None if plain == steps else "/".join(plain)

    def dynamic_key(self, reducer: RequestReducer, path: str) -> Key:
        """Give the key of requests that mean the same but for noise, under another path."""
        query = reducer.query(self.query)
        return (self.method, path, query, self.deciding, self._reduced(reducer))

    @cached_property
    def _exact_body(self) -> bytes:
        if not self.body:
            return b""
        if self.json is not NOT_JSON:
            return _json_body(self.json)
        boundary = _BOUNDARY.search(self._content_type)
        if boundary:
            # A client makes it up for every request.
            return self.body.replace(b"--" + boundary[1].encode("latin-1"), b"--boundary")
        return self.body

    def _reduced(self, reducer: RequestReducer) -> bytes:
        if reducer.takes_all_of_body:
            return b""
        if self.is_form:
            return _short(repr(reducer.pairs(self.form)).encode(errors="surrogatepass"))
        if self.json is NOT_JSON or not self.body:
            return _short(self._exact_body)
        reduced = reducer.json(self.json)
        if reduced is self.json:
            return _short(self._exact_body)
        return _short(_json_body(reduced))


@lru_cache(maxsize=1024)
def plain_host(host: str) -> str:
    """Give a host in lower case, without the port that its scheme has anyway."""
    return re.sub(r":(?:80|443)\Z", "", host.lower())


def is_dynamic(step: str, *, digits: bool) -> bool:
    """Tell whether a step of a path looks made by a machine: a UUID, or a long mixed text.

    Args:
        step: The step.
        digits: Whether digits alone count.
    """
    return (digits and step.isdecimal()) or _DYNAMIC.fullmatch(step) is not None


def _json_body(value: Json) -> bytes:
    return b"json:" + canonical(value).encode(errors="surrogatepass")


def _short(body: bytes) -> bytes:
    if len(body) <= _KEPT_BODY_BYTES:
        return body
    return b"digest:" + blake2b(body, digest_size=16).digest()
