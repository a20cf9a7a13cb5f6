"""The wire format of protocol buffers: the few parts of it that OTLP needs.

A message is a row of fields, each with a tag (its number and how its value is written). Whole
numbers are varints: seven bits to a byte, lowest first, with the top bit set on all but the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARINT: Final = 0
FIXED64: Final = 1
DELIMITED: Final = 2
FIXED32: Final = 5

# Lengths below this have their prefixes ready; nearly all texts and spans are shorter.
READY: Final = 1024
_WIDTHS: Final = {FIXED64: 8, FIXED32: 4}
_MOST_MEMORIES: Final = 4096
_LONGEST_MEMORY: Final = 256


def varint(number: int) -> bytes:
    """Return *number*, which is not negative, as a varint."""
    if number < 0x80:
        return bytes((number,))
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    digits = bytearray()
    while number >= 0x80:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def tag(number: int, kind: int) -> bytes:
    """Return the tag of field *number* whose value is written as *kind*."""
    return varint(number << 3 | kind)


def delimited(number: int, content: bytes) -> bytes:
    """Return a field of bytes, a text or a message."""
    return tag(number, DELIMITED) + varint(len(content)) + content


def text(number: int, content: str) -> bytes:
    """Return a field with a text, or nothing where the text is empty."""
    return delimited(number, utf8(content)) if content else b""


def count(number: int, value: int) -> bytes:
    """Return a field with a number, or nothing where it is 0."""
    return tag(number, VARINT) + varint(value) if value else b""


def utf8(content: str) -> bytes:
    """Return *content* in UTF-8; halves of surrogate pairs, which it cannot hold, become `?`."""
    return content.encode("utf-8", "replace")


class Prefixes(tuple[bytes, ...]):
    """What stands before the content of one field, by the content's length, up to `READY`."""

    __slots__ = ()

    def __new__(cls, number: int) -> Self:
        """Make the prefixes of field *number*."""
        start = tag(number, DELIMITED)
        return super().__new__(cls, (start + varint(length) for length in range(READY)))

    def of(self, length: int) -> bytes:
        """Return the prefix of a content of any *length*."""
        return self[length] if length < READY else self[0][:-1] + varint(length)


class Memory(dict[str, bytes]):
    """Remember what short texts were encoded to, as many of them as are worth it.

    When it is full, a new text is encoded each time: names that are made of ids never fill the
    memory of a process.

    Args:
        encode: Makes the bytes of a text.
    """

    def __init__(self, encode: Callable[[str], bytes]) -> None:
        super().__init__()
        self._encode = encode

    def __missing__(self, content: str) -> bytes:
        if not isinstance(content, str):  # pyright: ignore[reportUnnecessaryIsInstance] - from the app
            return self._encode(str(content))
        encoded = self._encode(content)
        if len(self) < _MOST_MEMORIES and len(content) <= _LONGEST_MEMORY:
            self[content] = encoded
        return encoded


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and value of each field of *message*, which may come from anywhere.

    Raises:
        ValueError: The message is cut off or malformed.
    """
    place = 0
    while place < len(message):
        key, place = _read_varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _read_varint(message, place)
            yield number, value
            continue
        if kind == DELIMITED:
            length, place = _read_varint(message, place)
        elif kind in _WIDTHS:
            length = _WIDTHS[kind]
        else:
            error = f"field {number} of a message is written in an unknown way: {kind}"
            raise ValueError(error)
        if length > len(message) - place:
            error = f"a message ends within its field {number}"
            raise ValueError(error)
        yield number, message[place : place + length]
        place += length


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        digit = message[place]
        place += 1
        number |= (digit & 0x7F) << shift
        if digit < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, place
    error = f"a message has a broken number before its byte {place}"
    raise ValueError(error)
