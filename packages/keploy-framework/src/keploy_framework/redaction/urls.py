"""Redact URLs and forms: names and order stay, and what holds no secret keeps its spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Callable

    from keploy_framework.redaction.text import TextRedactor


def redact_url(url: str, redactor: TextRedactor) -> str:
    """Replace what is secret in a URL, or in the path and query of one."""
    place, question, rest = url.partition("?")
    query, hash_sign, fragment = rest.partition("#")
    if not question:
        place, hash_sign, fragment = url.partition("#")
    place = _spelled(place, redactor.text, unquote, "/:@%+,;=~!$&'()*[]")
    if question:
        place += question + redact_pairs(query, redactor.parameter)
    if hash_sign:
        place += hash_sign + redact_pairs(fragment, redactor.parameter)
    return place


def redact_pairs(text: str, redact: Callable[[str, str], str]) -> str:
    """Replace what is secret in ``a=1&b=2``.

    Args:
        text: The pairs, percent-encoded.
        redact: Takes a name and a value, both decoded, and gives the value to write.
    """
    if not text:
        return text
    return "&".join(_pair(pair, redact) for pair in text.split("&"))


def _pair(pair: str, redact: Callable[[str, str], str]) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        return _spelled(pair, lambda text: redact("", text), unquote_plus, "")
    plain = unquote_plus(name)
    safe_name = _spelled(name, lambda text: redact("", text), unquote_plus, "")
    return f"{safe_name}={_spelled(value, lambda text: redact(plain, text), unquote_plus, '')}"


def _spelled(
    text: str, redact: Callable[[str], str], decode: Callable[[str], str], safe: str
) -> str:
    """Redact a decoded text, and encode it again only where that changed it."""
    plain = decode(text)
    redacted = redact(plain)
    return text if redacted == plain else quote(redacted, safe=safe)
