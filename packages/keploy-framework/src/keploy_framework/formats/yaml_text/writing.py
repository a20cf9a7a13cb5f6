"""From data to YAML text, laid out as Keploy lays it out."""

from __future__ import annotations

import base64
import re
from typing import Any, Final, TypeAlias, cast

from keploy_framework.errors import KeployFormatError
from keploy_framework.formats.yaml_text.reading import MAX_DEPTH
from keploy_framework.formats.yaml_text.scalars import PlainText, is_uncertain, stays_plain

# Any: what is written may be anything; what cannot be written raises.
Data: TypeAlias = Any

_LONGEST_SIMPLE_KEY: Final = 128
_BASE64_LINE: Final = 70
_SHOWN: Final = " -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
_ESCAPED: Final = re.compile(rf'[^{_SHOWN}]|["\\]')
_NOT_IN_QUOTES: Final = re.compile(rf"[^{_SHOWN}]")
_NOT_LITERAL: Final = re.compile(rf"[^{_SHOWN}\t\n]| \n| \Z")
_BAD_START: Final = re.compile(r"""[#,\[\]{}&*!|>'"%@` ]|[-?:](?:\s|\Z)|---|\.\.\.""")
_BAD_INSIDE: Final = re.compile(rf"[^{_SHOWN}]|: |:\Z| #| \Z")
_NAMED: Final = {
    "\0": "\\0", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f",
    "\r": "\\r", "\x1b": "\\e", '"': '\\"', "\\": "\\\\", "\x85": "\\N", "\u2028": "\\L",
    "\u2029": "\\P",
}  # fmt: skip


def write_document(data: Data, *, indent: int = 2) -> str:
    """Write one document, ending with a newline; reading it gives equal data, types included.

    Mappings keep their order, lists are indented, text of several lines is a literal block
    where YAML allows it, and `PlainText` has no quotes.

    Args:
        data: Mappings, lists, text, bytes, numbers, booleans and ``None``.
        indent: Columns for a level, from 2 to 9.

    Raises:
        KeployFormatError: Something of another type is in it, or it is nested too deep.
    """
    writer = _Writer(indent)
    writer.top(data)
    return "".join(writer.parts) + "\n"


class _Writer:
    __slots__ = ("_depth", "_indent", "parts")

    def __init__(self, indent: int) -> None:
        self.parts: list[str] = []
        self._indent = indent
        self._depth = 0

    def top(self, data: Data) -> None:
        if isinstance(data, dict) and data:
            self._mapping(cast("dict[Data, Data]", data), 0)
        elif isinstance(data, (list, tuple)) and data:
            self._sequence(cast("list[Data]", data), 0)
        else:
            self.parts.append(_scalar(data, 0, self._indent))

    def _mapping(self, data: dict[Data, Data], column: int) -> None:
        self._deeper()
        inner = (column // self._indent + 1) * self._indent
        pad = "\n" + " " * column
        separator = ""
        for key, value in data.items():
            text = _key(key)
            if len(text) > _LONGEST_SIMPLE_KEY:
                text = f"? {text}{pad}"
            self.parts.append(f"{separator}{text}:")
            self._value(value, column, inner, "\n" + " " * inner)
            separator = pad
        self._depth -= 1

    def _sequence(self, items: list[Data], column: int) -> None:
        self._deeper()
        pad = "\n" + " " * column + "-"
        separator = "-"
        for item in items:
            self.parts.append(separator)
            self._value(item, column, column + 2, " ")
            separator = pad
        self._depth -= 1

    def _value(self, value: Data, column: int, inner: int, before: str) -> None:
        """Write what follows a key or a dash at *column*; its own lines begin at *inner*."""
        if isinstance(value, str):
            self.parts.append(f" {_text(value, column, inner)}")
        elif isinstance(value, dict) and value:
            self.parts.append(before)
            self._mapping(cast("dict[Data, Data]", value), inner)
        elif isinstance(value, (list, tuple)) and value:
            self.parts.append(before)
            self._sequence(cast("list[Data]", value), inner)
        else:
            if isinstance(value, (dict, list, tuple)):
                self._deeper()
                self._depth -= 1
            self.parts.append(f" {_scalar(value, column, inner)}")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            reason = f"cannot write data nested more than {MAX_DEPTH} levels deep; flatten it"
            raise KeployFormatError(reason)


def _key(key: Data) -> str:
    if isinstance(key, str):
        if "\n" in key or len(key) > _LONGEST_SIMPLE_KEY or key == "<<":
            return _in_double_quotes(key)
        return _text(key, 0, 0)
    if isinstance(key, bytes):
        return f'!!binary "{base64.b64encode(key).decode()}"'
    if isinstance(key, (dict, list, tuple)):
        reason = f"cannot write a {type(cast('object', key)).__name__} as a key; use text"
        raise KeployFormatError(reason)
    return _scalar(key, 0, 0)


def _scalar(value: Data, column: int, inner: int) -> str:
    if isinstance(value, str):
        return _text(value, column, inner)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _floating(value)
    if isinstance(value, bytes):
        return _binary(value, inner)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    reason = f"cannot write a {type(value).__name__}; turn it into text or numbers"
    raise KeployFormatError(reason)


def _text(text: str, column: int, inner: int) -> str:
    if type(text) is PlainText and stays_plain(text):
        return text
    if "\n" in text:
        if _NOT_LITERAL.search(text):
            return _in_double_quotes(text)
        return _literal(text, column, inner)
    if is_uncertain(text):
        return _in_double_quotes(text)
    if not _BAD_START.match(text) and not _BAD_INSIDE.search(text):
        return str(text)
    if _NOT_IN_QUOTES.search(text):
        return _in_double_quotes(text)
    return "'" + text.replace("'", "''") + "'"


def _literal(text: str, column: int, inner: int) -> str:
    lead = str(inner - column) if text[0] in " \n\t" else ""
    tail = "-" if text[-1] != "\n" else "+" if text[-2:] in ("\n", "\n\n") else ""
    pad = "\n" + " " * inner
    lines = text.removesuffix("\n").split("\n")
    return f"|{lead}{tail}" + "".join(pad + line if line else "\n" for line in lines)


def _in_double_quotes(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        reason = f"cannot write half of a surrogate pair, U+{code:04X}; keep the bytes instead"
        raise KeployFormatError(reason)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _integer(value: int) -> str:
    try:
        return int.__repr__(value)
    except ValueError as error:
        reason = "cannot write a number with more digits than Python shows; write it as text"
        raise KeployFormatError(reason) from error


def _floating(value: float) -> str:
    text = float.__repr__(value)
    if text[-1] in "fn":
        return text.replace("inf", ".inf").replace("nan", ".nan")
    return text if "." in text else text.replace("e", ".0e")


def _binary(value: bytes, inner: int) -> str:
    text = base64.b64encode(value).decode()
    if len(text) < _BASE64_LINE:
        return f"!!binary {text}" if text else '!!binary ""'
    pad = "\n" + " " * inner
    lines = (text[at : at + _BASE64_LINE] for at in range(0, len(text), _BASE64_LINE))
    return "!!binary |" + "".join(pad + line for line in lines)
