"""Which secret got which placeholder, and how many were found by which rule."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from keploy_framework.redaction.shapes import JSON_WEB_TOKEN, KEPT, SHAPES, looks_random

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keploy_framework.redaction.rules import RedactionRules

MARK: Final = "redacted-"
_STAND_IN: Final = rf"{MARK}[0-9]{{3,9}}(?![0-9])x*"
_PLACEHOLDER: Final = re.compile(rf"(?:{KEPT})?{_STAND_IN}")
_NUMBER_OF: Final = re.compile(rf"{MARK}([0-9]{{3,9}})")
_MOST_SHORT: Final = 999
_COLLAPSIBLE: Final = re.compile(rf"(?:eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.|{KEPT})?{_STAND_IN}")
_NUMBER_BASE: Final = 999_999_000
_NUMBER_MARK: Final = "999999"
_NUMBERS: Final = 1000
_COLLAPSIBLE_NUMBER: Final = re.compile(r"(?<![\w.+-])999999[0-9]{3}(?![\w.])")
# Words that say there is none, templates, and values that somebody masked before.
_NOTHING: Final = re.compile(
    r"(?i:null|none|nil|undefined|true|false|\[?(?:redacted|filtered|hidden|masked|removed)\]?)"
    r"|[*xX.#\u2022_-]{3,}|\{\{[^{}]*\}\}|\$\{\w+\}|<[\w -]+>|\(hidden\)"
    r"|(?i:scram-sha-[0-9]+(?:-plus)?|mysql_native_password|caching_sha2_password)"
)
_MOST_KNOWN: Final = 512


class Ledger:
    """Remember secrets while a redactor lives; nothing of it is ever written.

    Secrets are numbered as they first come, so a placeholder says nothing about its secret and
    cannot be guessed back. The same secret has one placeholder for as long as the ledger lives.

    Args:
        rules: What the project wants.
        known: Secrets to find wherever they stand.

    Attributes:
        found: How often each rule found something.
        fits: Whether placeholders are as long as what they stand for, in bytes, for formats
            that tell lengths.
    """

    __slots__ = (
        "_known",
        "_last",
        "_learned",
        "_numbers",
        "_placeholders",
        "fits",
        "found",
        "rules",
    )

    def __init__(self, rules: RedactionRules, known: Iterable[str] = ()) -> None:
        self.rules = rules
        self.found: Counter[str] = Counter()
        self.fits = False
        self._placeholders: dict[str, str] = {}
        self._numbers: dict[float, int] = {}
        self._known: list[str] = []
        self._learned = 0
        self._last = 0
        for secret in known:
            self.learn(secret)

    def __repr__(self) -> str:
        return f"<Ledger of {len(self._placeholders)} secrets>"

    @property
    def size(self) -> int:
        """How many secrets were found or told; it grows with each new one."""
        return len(self._placeholders) + self._learned

    def knows_of(self, text: str) -> bool:
        """Tell whether a known secret stands in a text."""
        return any(secret in text for secret in self._known)

    def learn(self, secret: str) -> None:
        """Look for a secret everywhere from now on, if it is too long to stand there by chance.

        Only the latest are looked for, so that a long recording does not become slow.
        """
        if looks_random(secret) and secret not in self._known and not self.is_settled(secret):
            if len(self._known) >= _MOST_KNOWN:
                del self._known[0]
            self._known.append(secret)
            self._learned += 1

    def placeholder(self, secret: str, rule: str, *, keep: str = "") -> str:
        """Give what stands for a secret, and count it.

        Args:
            secret: The secret without *keep*.
            rule: What found it.
            keep: What says the kind of key, such as ``ghp_``.
        """
        self.found[rule] += 1
        whole = keep + secret
        self.learn(whole)
        if whole not in self._placeholders:
            self._last += 1
            # Other lengths would be no base64, and readers of tokens would stumble.
            width = 3 if self._last <= _MOST_SHORT else 6
            self._placeholders[whole] = f"{MARK}{self._last:0{width}d}"
        stand_in = keep + self._placeholders[whole]
        return _fitted(stand_in, len(whole.encode())) if self.fits else stand_in

    def number(self, secret: float, rule: str) -> float:
        """Give what stands for a secret number: a whole one for a whole one."""
        self.found[rule] += 1
        following = _NUMBER_BASE + len(self._numbers) % (_NUMBERS - 1) + 1
        number = self._numbers.setdefault(secret, following)
        return number if isinstance(secret, int) else float(number)

    def is_settled(self, value: str) -> bool:
        """Tell whether nothing has to be done: a placeholder, a template, a mask, or nothing."""
        if not value:
            return True
        if _PLACEHOLDER.fullmatch(value):
            # It was made by another ledger; its number must not mean two secrets.
            numbered = _NUMBER_OF.search(value)
            self._last = max(self._last, int(numbered[1]) if numbered else 0)
            return True
        return _NOTHING.fullmatch(value) is not None or self.rules.allows(value)

    def value(self, text: str, rule: str) -> str:
        """Give what stands for a whole value that its name says is a secret."""
        if self.is_settled(text):
            return text
        token = JSON_WEB_TOKEN.fullmatch(text)
        if token:
            return self.token(token)
        for shape in SHAPES:
            match = shape.pattern.fullmatch(text) if shape.hint in text else None
            if match:
                keep = match["keep"]
                return self.placeholder(text[len(keep) :], shape.rule, keep=keep)
        scheme, gap, rest = text.partition(" ")
        if gap and scheme.lower() == "bearer":
            return f"{scheme} {self.value(rest, rule)}"
        if gap and scheme.lower() == "basic":
            return f"{scheme} {self.basic(rest, rule)}"
        return self.placeholder(text, rule)

    def token(self, match: re.Match[str]) -> str:
        """Give a token without its signature: the claims can be read, and open nothing."""
        if match["inner"]:
            return self.placeholder(match[0], "jwt")
        signature = match["signature"]
        if self.is_settled(signature):
            return match[0]
        head = f"{match['head']}.{match['claims']}."
        return head + self.placeholder(signature, "jwt")

    def basic(self, text: str, rule: str) -> str:
        """Give the credentials of the scheme ``Basic`` with another password."""
        if self.is_settled(text):
            return text
        try:
            plain = base64.b64decode(text, validate=True).decode()
        except (binascii.Error, ValueError):
            return self.placeholder(text, rule)
        user, colon, password = plain.partition(":")
        if not colon:
            return self.placeholder(text, rule)
        if password:
            password = self.value(password, rule)
        shaped = user if password and not looks_random(user) else self.value(user, rule)
        clean = f"{shaped}:{password}"
        if clean == plain:
            return text
        self.learn(text)
        return base64.b64encode(clean.encode()).decode()

    def replace_known(self, text: str) -> str:
        """Replace the secrets that are known, wherever they stand."""
        for secret in sorted(self._known, key=len, reverse=True):
            if secret in text:
                shape = _shape_of(secret)
                stand_in = self.placeholder(secret[len(shape) :], "known", keep=shape)
                text = text.replace(secret, stand_in)
        return text

    def replace_known_bytes(self, data: bytes) -> bytes:
        """Replace known secrets in binary data by something of the same length."""
        for secret in sorted(self._known, key=len, reverse=True):
            raw = secret.encode()
            if raw in data:
                stand_in = _fitted(self.placeholder(secret, "known"), len(raw))
                data = data.replace(raw, stand_in.encode())
        return data

    def is_settled_number(self, value: float) -> bool:
        """Tell whether a number is a placeholder."""
        return _NUMBER_BASE <= value < _NUMBER_BASE + _NUMBERS


def collapsed(text: str) -> str:
    """Make all placeholders of a text the same one, for comparing what different runs made."""
    if MARK in text:  # most texts have none
        text = _COLLAPSIBLE.sub("redacted", text)
    if _NUMBER_MARK in text:
        text = _COLLAPSIBLE_NUMBER.sub(str(_NUMBER_BASE), text)
    return text


def _fitted(stand_in: str, length: int) -> str:
    return stand_in.ljust(length, "x") if len(stand_in) <= length else "x" * length


def _shape_of(secret: str) -> str:
    for shape in SHAPES:
        match = shape.pattern.fullmatch(secret) if shape.hint in secret else None
        if match:
            return match["keep"]
    return ""
