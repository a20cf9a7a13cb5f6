"""Find secrets by the names before them in text that has no strict form: logs, commands, XML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from keploy_framework.redaction.text import TextRedactor

    Replace = Callable[[re.Match[str]], str]

_NAME: Final = r"(?P<name>[A-Za-z_][\w.-]{1,60})"

# A quoted value after a name; the quotes may be escaped, as within JSON or a shell's quotes.
_QUOTED: Final = re.compile(
    rf"(?<![\w.-]){_NAME}(?P<gap>\\{{0,8}}[\"']?\s{{0,4}}[:=]\s{{0,4}})"
    r"(?P<quote>\\{0,8}[\"'])(?P<value>(?:(?!(?P=quote))[^\r\n]){1,4096}?)(?P<last>(?P=quote))"
)
_ASSIGNED: Final = re.compile(
    rf"(?<![\w.-]){_NAME}(?P<gap>=)(?P<value>[^\s\"'&;,<>\\(){{}}|]{{1,4096}})(?P<last>)"
)
_LINE: Final = re.compile(
    r"(?m)^(?P<before>[ \t-]*)" + _NAME + r"(?P<gap>:[ \t]+)(?P<value>[^\s\"'{\[<]\S{3,4095})"
    r"(?P<last>[ \t\r]*)$"
)
_ELEMENT: Final = re.compile(
    r"<(?P<name>[A-Za-z_][\w.:-]{0,60})(?P<gap>(?:\s[^<>]{0,500})?>)"
    r"(?P<value>[^<>\s][^<>]{0,4095})(?P<last></(?P=name)>)"
)
_HEADER_LINE: Final = re.compile(
    r"(?im)^(?P<before>[<>* \t]*)(?P<name>(?:proxy-)?authorization|(?:set-)?cookie|(?:x-)?api-key)"
    r"(?P<gap>:[ \t]*)(?P<value>[^\r\n]+)(?P<last>)"
)
_HEADER_OPTION: Final = re.compile(
    r"(?P<before>(?:-H|--header)[ =]?\s{0,4}(?P<quote>\\{0,8}[\"']))(?P<name>[\w-]{1,80})"
    r"(?P<gap>:\s{0,4})(?P<value>(?:(?!(?P=quote))[^\r\n]){1,8192})(?P<last>(?P=quote))"
)
_USER_OPTION: Final = re.compile(
    r"(?P<before>(?:(?<=\s)-u|--user|--proxy-user)[ =]\s{0,4}[\"']?[^\s:\"']{0,200}:)"
    r"(?P<value>[^\s\"']{1,500})"
)
_COOKIE_OPTION: Final = re.compile(
    r"(?P<before>(?:(?<=\s)-b|--cookie)[ =]\s{0,4}(?P<quote>[\"']))(?P<gap>)"
    r"(?P<value>[^\s\"'=]{1,200}=(?:(?!(?P=quote))[^\r\n]){1,8192})(?P<last>(?P=quote))"
)


def redact_named(text: str, redactor: TextRedactor) -> str:
    """Replace the values that names before them say are secrets.

    Found are ``name=value``, quoted values after a name, lines ``name: value`` with one word,
    elements of XML, lines of headers, and the options of curl for headers, users and cookies.

    Args:
        text: The text.
        redactor: Knows the names.
    """

    def header(match: re.Match[str]) -> str:
        value = redactor.header(match["name"], match["value"])
        return f"{match['before']}{match['name']}{match['gap']}{value}{match['last']}"

    def cookie(match: re.Match[str]) -> str:
        return match["before"] + redactor.secret("Cookie", match["value"]) + match["last"]

    def user(match: re.Match[str]) -> str:
        return match["before"] + redactor.ledger.value(match["value"], "userinfo")

    if "-H" in text or "--header" in text:
        text = _HEADER_OPTION.sub(header, text)
    if "-u" in text or "--user" in text or "--proxy-user" in text:
        text = _USER_OPTION.sub(user, text)
    if "-b" in text or "--cookie" in text:
        text = _COOKIE_OPTION.sub(cookie, text)
    if ":" in text:
        text = _HEADER_LINE.sub(header, text)
        text = _LINE.sub(_with_name(redactor), text)
    if "=" in text:
        text = _ASSIGNED.sub(_with_name(redactor), text)
    if '"' in text or "'" in text:
        text = _QUOTED.sub(_with_name(redactor), text)
    return _ELEMENT.sub(_element(redactor), text) if "</" in text else text


def _with_name(redactor: TextRedactor) -> Replace:
    def replace(match: re.Match[str]) -> str:
        name, value = match["name"], match["value"]
        if not redactor.names.parameter(name, value):
            return match[0]
        redacted = redactor.secret(name, value)
        at, end = match.start("value") - match.start(), match.end("value") - match.start()
        return match[0][:at] + redacted + match[0][end:]

    return replace


def _element(redactor: TextRedactor) -> Replace:
    def replace(match: re.Match[str]) -> str:
        name = match["name"].rpartition(":")[2]
        if not redactor.names.field(name):
            return match[0]
        value = redactor.secret(name, match["value"])
        return f"<{match['name']}{match['gap']}{value}{match['last']}"

    return replace
