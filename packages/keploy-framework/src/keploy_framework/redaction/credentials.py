"""Values of headers that are secrets: schemes stay, cookies keep their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from keploy_framework.redaction.names import plain_name

if TYPE_CHECKING:
    from keploy_framework.redaction.ledger import Ledger

# Several cookies in one text: a comma within a date has no `name=` right after it.
_NEXT_COOKIE: Final = re.compile(r",(?=\s*[^\s;,=]+=)")
_SCHEME: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9-]{1,30})\s+(?P<rest>\S.*)", re.DOTALL)
_SCHEMED: Final = frozenset(("authorization", "proxyauthorization"))


def header_value(name: str, value: str, ledger: Ledger, *, rule: str = "header") -> str:
    """Give the value of a secret header with placeholders in the place of what is secret.

    The scheme of ``Authorization`` stays, and so do the names of cookies and the attributes of
    ``Set-Cookie``.

    Args:
        name: The name of the header, which says that it is secret.
        value: Its value.
        ledger: The secrets so far.
        rule: What the secret is counted under where the name has no rule of its own.
    """
    plain = plain_name(name)
    if plain == "cookie":
        return ";".join(_cookie(pair, ledger) for pair in value.split(";"))
    if plain == "setcookie":
        return ",".join(_set_cookie(one, ledger) for one in _NEXT_COOKIE.split(value))
    if plain in _SCHEMED:
        return _authorization(value, ledger)
    return ledger.value(value, rule)


def _authorization(value: str, ledger: Ledger) -> str:
    match = _SCHEME.fullmatch(value.strip())
    if not match:
        return ledger.value(value, "authorization")
    scheme, rest = match["scheme"], match["rest"]
    if scheme.lower() == "basic":
        return f"{scheme} {ledger.basic(rest, 'authorization')}"
    return f"{scheme} {ledger.value(rest, 'authorization')}"


def _set_cookie(cookie: str, ledger: Ledger) -> str:
    first, semicolon, attributes = cookie.partition(";")
    return _cookie(first, ledger) + semicolon + attributes


def _cookie(pair: str, ledger: Ledger) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        # A value without a name is one that a client sends as it is.
        blank = pair[: len(pair) - len(pair.lstrip())]
        return blank + ledger.value(pair.strip(), "cookie")
    stripped = value.strip().strip('"')
    return f"{name}={ledger.value(stripped, 'cookie')}" if stripped else pair
