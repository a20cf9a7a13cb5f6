"""Find the line of every key and item in a TOML document, which `tomllib` does not tell."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Keys: TypeAlias = tuple[str | int, ...]

_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANKS: Final = re.compile(r"[ \t]*")
_QUOTED: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN_VALUE: Final = re.compile(r"[^,\]}#\n]*")


def key_lines(text: str) -> dict[Keys, int]:
    """Return the line, counted from 1, where each key and each item of a list begins.

    A path names tables by key and items of lists by index, as one would walk what
    `tomllib.loads` returns. A table that several headers add to is where it is named first.
    The time grows with the length of the text.

    Args:
        text: A document that `tomllib` has accepted; another one gives any answer, or raises
            `ValueError`.
    """
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    found = _Walk(text).places
    return {keys: bisect_right(starts, offset) for keys, offset in found.items()}


class _Walk:
    """One pass over a document, from its first character to its last."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lengths: dict[Keys, int] = {}  # how many [[tables]] each list of tables has so far
        self.places: dict[Keys, int] = {}
        self._document()

    def _document(self) -> None:
        table: Keys = ()
        self._skip(_SPACE)
        while self._at < len(self._text):
            if self._take("[["):
                table = self._header(is_item=True)
            elif self._take("["):
                table = self._header(is_item=False)
            else:
                self._pair(table)
            self._skip(_SPACE)

    def _header(self, *, is_item: bool) -> Keys:
        path: Keys = ()
        keys = list(self._dotted_key())
        for number, (key, offset) in enumerate(keys, start=1):
            path = (*path, key)
            self.places.setdefault(path, offset)
            if is_item and number == len(keys):
                index = self._lengths.get(path, 0)
                self._lengths[path] = index + 1
                path = (*path, index)
                self.places[path] = offset
            elif path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        self._expect("]]" if is_item else "]")
        return path

    def _pair(self, table: Keys) -> None:
        path = table
        for key, offset in self._dotted_key():
            path = (*path, key)
            self.places.setdefault(path, offset)
        self._expect("=")
        self._skip(_BLANKS)
        self._value(path)

    def _dotted_key(self) -> Iterator[tuple[str, int]]:
        while True:
            self._skip(_BLANKS)
            offset = self._at
            quoted = _QUOTED.match(self._text, offset)
            found = quoted or _BARE_KEY.match(self._text, offset)
            if found is None:
                msg = f"a key was expected at character {offset}"
                raise ValueError(msg)
            self._at = found.end()
            # The parser that knows all escapes is the one that has accepted the document.
            yield tomllib.loads(f"key = {found[0]}")["key"] if quoted else found[0], offset
            self._skip(_BLANKS)
            if not self._take("."):
                return

    def _value(self, path: Keys) -> None:
        quoted = _QUOTED.match(self._text, self._at)
        if quoted:
            self._at = quoted.end()
        elif self._take("["):
            self._items(path)
        elif self._take("{"):
            self._pairs(path)
        else:
            self._skip(_PLAIN_VALUE)

    def _items(self, path: Keys) -> None:
        index = 0
        self._skip(_SPACE)
        while not self._take("]"):
            self.places[*path, index] = self._at
            self._value((*path, index))
            index += 1
            self._separator("]")

    def _pairs(self, path: Keys) -> None:
        self._skip(_SPACE)
        while not self._take("}"):
            self._pair(path)
            self._separator("}")

    def _separator(self, end: str) -> None:
        self._skip(_SPACE)
        if not self._take(","):
            if not self._text.startswith(end, self._at):
                msg = f"{end!r} was expected at character {self._at}"
                raise ValueError(msg)
            return
        self._skip(_SPACE)

    def _expect(self, mark: str) -> None:
        self._skip(_BLANKS)
        if not self._take(mark):
            msg = f"{mark!r} was expected at character {self._at}"
            raise ValueError(msg)

    def _take(self, mark: str) -> bool:
        found = self._text.startswith(mark, self._at)
        if found:
            self._at += len(mark)
        return found

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
