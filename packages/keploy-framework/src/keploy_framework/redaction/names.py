"""Which headers, query parameters and fields hold a secret, told by their names."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from keploy_framework.redaction.shapes import looks_random

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")

_ENDINGS: Final = (
    "accesskey",
    "accountkey",
    "apikey",
    "authkey",
    "authorization",
    "cookie",
    "credential",
    "encryptionkey",
    "jwt",
    "masterkey",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "secret",
    "secretkey",
    "servicekey",
    "sharedkey",
    "signingkey",
    "sshkey",
    "storagekey",
    "subscriptionkey",
)
_COLLECTIONS: Final = (
    "accesstokens",
    "apikeys",
    "cookies",
    "credentials",
    "passwords",
    "privatekeys",
    "refreshtokens",
    "secrets",
)
_TOKEN: Final = "token"  # noqa: S105 - the end of a name, not a token
# What pages, models and counters call a token opens nothing.
_HARMLESS_TOKEN: Final = re.compile(
    r"(?:next|page|prev|previous|continuation|pagination|cancel|cancellation|sync|resume|stop"
    r"|eos|bos|pad|unk|sep|cls|mask|special|start|end|max|min|first|last|num|per|total|prompt"
    r"|completion|input|output|cached|reasoning|image|audio|text|word|added|by|each)+"
)
# A second field for the same secret, as in password_confirmation.
_TRAILING: Final = frozenset(
    ("again", "confirm", "confirmation", "current", "hash", "new", "old", "repeat", "salt", "value")
)
_NUMERIC: Final = ("passcode", "passwd", "password", "pwd", "secret")
_IN_HEADERS: Final = frozenset((
    "apikey", "auth", "authorization", "cookie", "credential", "credentials", "key", "passwd",
    "password", "pwd", "secret", "signature", "token",
))  # fmt: skip
_HARMLESS_HEADERS: Final = re.compile(
    r"(?:idempotency|websocket|surrogate|cache|partition|routing|public|sort|tag|dedup)key\Z"
    r"|\Apostmantoken\Z"
)
_IN_QUERIES: Final = re.compile(r".*(?:signature|hmac)|xamzcredential|sig")
_MAYBE: Final = frozenset(("key", "auth", "hash", "access"))

NAME_HINTS: Final = (
    "pass", "pwd", "secret", "token", "key", "credential", "auth", "cookie", "jwt", "sig", "hmac",
)  # fmt: skip
"""Each secret name has one of these in it; a text without any has no secret name."""


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """Give a name in lower case without what separates its words."""
    return "".join(words_of(name))


def words_of(name: str) -> list[str]:
    """Give the words of a name in lower case, however it joins them."""
    return [word.lower() for word in _WORD.findall(name[:200])]


class SecretNames:
    """Tell by names what is secret: the usual names, those of a project, not those it allows.

    Args:
        added: More names, as `plain_name` gives them.
        allowed: Names that are no secret, whatever else they look like.
    """

    __slots__ = ("_added", "_allowed")

    def __init__(self, added: frozenset[str], allowed: frozenset[str]) -> None:
        self._added, self._allowed = added, allowed

    @property
    def are_usual(self) -> bool:
        """Whether each secret name has one of `NAME_HINTS` in it."""
        return not self._added

    def field(self, name: str) -> bool:
        """Tell whether the text of a JSON, form or XML field is a secret."""
        return self._decided(name, usual=_is_field(name))

    def collection(self, name: str) -> bool:
        """Tell whether what is listed under a name is secret, such as ``api_keys``."""
        return self._decided(name, usual=plain_name(name).endswith(_COLLECTIONS))

    def number(self, name: str) -> bool:
        """Tell whether even a number under a name is a secret; a token may be counted."""
        return self._decided(name, usual="".join(_leading(name)).endswith(_NUMERIC))

    def header(self, name: str) -> bool:
        """Tell whether the value of a header is a secret."""
        return self._decided(name, usual=_is_header(name))

    def parameter(self, name: str, value: str) -> bool:
        """Tell whether the value of a query parameter is a secret; of some it tells itself."""
        plain = plain_name(name)
        usual = _is_field(name) or _IN_QUERIES.fullmatch(plain) is not None
        return self._decided(name, usual=usual or (plain in _MAYBE and looks_random(value)))

    def _decided(self, name: str, *, usual: bool) -> bool:
        if not self._added and not self._allowed:
            return usual
        plain = plain_name(name)
        return (usual or plain in self._added) and plain not in self._allowed


@lru_cache(maxsize=4096)
def _is_field(name: str) -> bool:
    words = _leading(name)
    plain = "".join(words)
    if not plain.endswith(_TOKEN):
        return plain.endswith(_ENDINGS)
    before = words[-1].removesuffix(_TOKEN) or "".join(words[-2:-1])
    return _HARMLESS_TOKEN.fullmatch(before) is None


@lru_cache(maxsize=1024)
def _is_header(name: str) -> bool:
    words = _leading(name)
    if not words or _HARMLESS_HEADERS.search("".join(words)):
        return False
    return _is_field(name) or words[-1] in _IN_HEADERS


@lru_cache(maxsize=4096)
def _leading(name: str) -> tuple[str, ...]:
    """Give the words of a name up to those that only number it or repeat it."""
    words = words_of(name)
    while len(words) > 1 and (words[-1].isdecimal() or words[-1] in _TRAILING):
        words.pop()
    return tuple(words)
