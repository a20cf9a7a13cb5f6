"""Find secrets in text of any kind: JSON, headers, URLs, commands, logs and prose."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

from keploy_framework.redaction.credentials import header_value
from keploy_framework.redaction.json_text import redact_json
from keploy_framework.redaction.names import NAME_HINTS, SecretNames
from keploy_framework.redaction.prose import redact_named
from keploy_framework.redaction.shapes import (
    BASIC,
    BEARER,
    JSON_WEB_TOKEN,
    PRIVATE_KEY,
    SHAPES,
    USER_INFO,
    is_credentials,
    looks_random,
)

if TYPE_CHECKING:
    from keploy_framework.redaction.ledger import Ledger

_SHAPE_HINTS: Final = (
    *dict.fromkeys(shape.hint for shape in SHAPES),
    *("eyJ", "PRIVATE KEY", "earer", "EARER", "asic", "ASIC", "://"),
)
# Of two hints, one within the other, the shorter is enough.
_HINTS: Final = tuple(
    hint for hint in _SHAPE_HINTS if not any(one in hint for one in _SHAPE_HINTS if one != hint)
)
# What JSON may write otherwise than it means: no hint can be ruled out then.
_ESCAPES: Final = ("\\u", "\\/")
# The ends of lines may be written out, as often as JSON stands within JSON.
_KEY_LINES: Final = re.compile(
    r"(?P<lead>(?:\\+[rn]|\s)*)(?P<body>.*?)(?P<trail>(?:\\+[rn]|\s)*)", re.DOTALL
)
_MOST_LEVELS: Final = 4
# In JSON without escapes a string before a colon is a name.
_NAMES: Final = re.compile(r'"([^"\\]*)"\s*:')
# How many texts without secrets are remembered, and how long they may be.
_MOST_CLEAN: Final = 4096
_LONGEST_CLEAN: Final = 256
_FRAME: Final = re.compile(r"(?m)^(?P<before>data: ?|[ \t]*)(?P<value>[{\[].*[}\]])(?=[ \t\r]*$)")


class TextRedactor:
    """Replace what is secret in texts. A text that holds no secret stays as it is.

    Args:
        ledger: The secrets so far.
    """

    __slots__ = ("_clean", "_clean_by", "_hints", "_name_hints", "ledger", "names")

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.names = SecretNames(ledger.rules.names, ledger.rules.allow)
        self._hints = _HINTS
        self._name_hints = NAME_HINTS
        self._clean: set[str] = set()
        self._clean_by = ledger.size

    def text(self, text: str, level: int = 0) -> str:
        """Replace what is secret in a text of any kind.

        Args:
            text: The text.
            level: How many texts it stands within, such as JSON in a string of JSON.
        """
        if level:
            return self._text(text, level)
        # The same headers come with every request.
        if self._clean_by != self.ledger.size or len(self._clean) >= _MOST_CLEAN:
            self._clean, self._clean_by = set(), self.ledger.size
        elif text in self._clean:
            return text
        redacted = self._whole(text)
        if redacted == text and len(text) <= _LONGEST_CLEAN:
            self._clean.add(text)
        return redacted

    def _whole(self, text: str) -> str:
        # What the whole has not is not looked for in its parts.
        if not any(escape in text for escape in _ESCAPES):
            lower = text.lower()
            self._hints = tuple(hint for hint in _HINTS if hint in text)
            self._name_hints = tuple(hint for hint in NAME_HINTS if hint in lower)
        try:
            return self._text(text, 0)
        finally:
            self._hints, self._name_hints = _HINTS, NAME_HINTS

    def _is_clean(self, text: str) -> bool:
        """Tell, fast, whether a text cannot hold a secret; False says nothing."""
        if not self.names.are_usual or self.ledger.rules.patterns:
            return False
        if any(hint in text for hint in (*self._hints, *_ESCAPES)) or self.ledger.knows_of(text):
            return False
        if not self._name_hints:
            return True
        lower = text.lower()
        return not any(hint in lower for hint in self._name_hints)

    def _is_clean_json(self, text: str) -> bool:
        """Tell, without reading it, whether JSON cannot hold a secret; False says nothing.

        Names such as ``max_tokens`` have a hint in them and are none of a secret. Where hints
        stand nowhere else, the names decide.
        """
        if "\\" in text or not self.names.are_usual or self.ledger.rules.patterns:
            return False
        if any(hint in text for hint in self._hints) or self.ledger.knows_of(text):
            return False
        others = _NAMES.sub("", text).lower()
        if any(hint in others for hint in self._name_hints):
            return False
        names = self.names
        return not any(
            names.field(name) or names.header(name) or names.collection(name)
            for name in set[str](_NAMES.findall(text))
        )

    def _text(self, text: str, level: int) -> str:
        if self._is_clean(text):
            return text
        if level < _MOST_LEVELS:
            if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[", '"'):
                if self._is_clean_json(text):
                    return text
                redacted = redact_json(text, self, level)
                if redacted is not None:
                    return redacted
            if "\n" in text or text.startswith("data:"):
                text = _FRAME.sub(lambda match: self._frame(match, level), text)
        return self.ledger.replace_known(redact_named(self._shaped(text), self))

    def secret(self, name: str, value: str) -> str:
        """Replace a value whose name says that it is a secret."""
        return header_value(name, value, self.ledger, rule="field")

    def field(self, name: str, value: str) -> str:
        """Replace a value that its name says is a secret; else what is secret in it."""
        return self.secret(name, value) if self.names.field(name) else self.text(value)

    def parameter(self, name: str, value: str) -> str:
        """Do the same for a parameter of a query."""
        if self.names.parameter(name, value):
            return self.ledger.value(value, "query")
        return self.text(value)

    def header(self, name: str, value: str) -> str:
        """Do the same for a header."""
        if self.names.header(name):
            return header_value(name, value, self.ledger)
        return self.text(value)

    def _frame(self, match: re.Match[str], level: int) -> str:
        """Redact a line of JSON, such as the data of an event."""
        redacted = redact_json(match["value"], self, level + 1)
        return match[0] if redacted is None else match["before"] + redacted

    def _shaped(self, text: str) -> str:
        """Replace what looks like a secret of a known kind."""
        ledger = self.ledger
        if "PRIVATE KEY" in text:
            text = PRIVATE_KEY.sub(self._private_key, text)
        if "eyJ" in text:
            text = JSON_WEB_TOKEN.sub(ledger.token, text)
        if "@" in text and ("://" in text or ":\\/" in text):
            text = USER_INFO.sub(self._user_info, text)
        for shape in SHAPES:
            if shape.hint in text:
                text = shape.pattern.sub(partial(self._key, shape.rule), text)
        lower = text.lower()
        if "bearer" in lower:
            text = BEARER.sub(self._bearer, text)
        if "basic" in lower:
            text = BASIC.sub(self._basic, text)
        for rule, pattern in ledger.rules.patterns.items():
            text = pattern.sub(partial(self._key, rule), text)
        return text

    def _key(self, rule: str, match: re.Match[str]) -> str:
        if self.ledger.is_settled(match[0]):
            return match[0]
        keep = match.groupdict().get("keep") or ""
        if not match[0].startswith(keep):
            keep = ""
        return self.ledger.placeholder(match[0][len(keep) :], rule, keep=keep)

    def _private_key(self, match: re.Match[str]) -> str:
        key = _KEY_LINES.fullmatch(match["key"])
        if key is None or self.ledger.is_settled(key["body"]):
            return match[0]
        stand_in = self.ledger.placeholder(key["body"], "private-key")
        return f"{match['begin']}{key['lead']}{stand_in}{key['trail']}{match['end']}"

    def _user_info(self, match: re.Match[str]) -> str:
        user, password = match["user"], match["password"]
        if password is not None:
            password = self.ledger.value(password, "userinfo")
            return f"{match['scheme']}{user}:{password}@"
        if not looks_random(user):
            return match[0]
        return f"{match['scheme']}{self.ledger.value(user, 'userinfo')}@"

    def _bearer(self, match: re.Match[str]) -> str:
        value = match["value"]
        if not any(map(str.isdecimal, value)):  # prose about bearers of something
            return match[0]
        return match["scheme"] + self.ledger.value(value, "authorization")

    def _basic(self, match: re.Match[str]) -> str:
        value = match["value"]
        if not is_credentials(value):
            return match[0]
        return match["scheme"] + self.ledger.basic(value, "authorization")
