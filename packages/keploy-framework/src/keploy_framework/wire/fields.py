"""Headers and trailers: one pattern reads them, the same rules write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .refusals import Reason, refusal

if TYPE_CHECKING:
    from keploy_framework.errors import WireError
    from keploy_framework.exchange import Headers

NAME: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
VALUE: Final = r"[\t\x20-\x7e\x80-\xff]*"

# Possessive, so that a hostile line costs no more than its length.
_FIELD: Final = re.compile(rf"^({NAME}+):[ \t]*+({VALUE}+)\r\n", re.MULTILINE)
_NAME: Final = re.compile(NAME)
_VALUE: Final = re.compile(VALUE)
_SHOWN_CHARACTERS = 40


def parse_fields(text: str, limit: int, start: int = 0) -> Headers:
    """Take lines of fields apart, in order and in their own case.

    Args:
        text: Whole lines, each ending with CRLF, latin-1.
        limit: How many fields there may be.
        start: Where the first of them begins in the text.

    Raises:
        WireError: A line is no field, or there are too many of them.
    """
    fields: list[tuple[str, str]] = _FIELD.findall(text, start)
    # Every match is one whole line, so a line that is no field shows in the count alone.
    if len(fields) != text.count("\n", start):
        raise _fault(text[start:])
    if len(fields) > limit:
        raise refusal(Reason.TOO_MANY_HEADERS, len(fields))
    if " \r\n" in text or "\t\r\n" in text:
        fields = [(name, value.rstrip(" \t")) for name, value in fields]
    return tuple(fields)


def check_field(name: str, value: str) -> None:
    """Refuse a field that would become something else on the wire.

    Raises:
        WireError: The name is no name, or the value holds line breaks, other control
            characters, or characters that are not latin-1.
    """
    if not _NAME.fullmatch(name):
        raise refusal(Reason.HEADER_NAME, name)
    if not _VALUE.fullmatch(value):
        raise refusal(Reason.HEADER_VALUE, name)


def _fault(text: str) -> WireError:
    if text.count("\n") != text.count("\r\n"):
        return refusal(Reason.BARE_LINE_FEED)
    line = next(line for line in text.split("\r\n") if not _FIELD.match(f"{line}\r\n"))
    if line.startswith((" ", "\t")):
        return refusal(Reason.FOLDED_HEADER)
    name, colon, _ = line.partition(":")
    # Without a colon the line may be the second half of a secret.
    shown = name[:_SHOWN_CHARACTERS] if colon else f"{len(line)} characters"
    return refusal(Reason.HEADER, shown)
