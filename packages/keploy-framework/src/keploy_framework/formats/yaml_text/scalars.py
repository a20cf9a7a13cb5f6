"""What a word without quotes means, and which text must have quotes."""

from __future__ import annotations

import math
import re
from typing import Final, TypeAlias

Scalar: TypeAlias = "str | bytes | int | float | bool | None"


class PlainText(str):
    """Text that stands in a file without quotes although a reader may take it for more.

    Times are the common case. ``yes``, ``1:30``, ``1e3`` and ``0o17`` are others: YAML 1.1 and
    the library Keploy is written with disagree about them, so they stay the text they are and
    are written back without quotes. Any other text is written like an ordinary `str`.
    """

    __slots__ = ()


_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FIRST: Final = frozenset("0123456789+-.~ntfNTFyYoO<=")
_INT: Final = re.compile(r"[-+]?(?:0[0-7_]*|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0b[01_]+)")
_FLOAT: Final = re.compile(
    r"""[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?
    | \.[0-9][0-9_]*(?:[eE][-+][0-9]+)?
    | [-+]?\.(?:inf|Inf|INF) | \.(?:nan|NaN|NAN)""",
    re.VERBOSE,
)
_UNCERTAIN: Final = re.compile(
    r"""[yYnN] | yes|Yes|YES | no|No|NO | on|On|ON | off|Off|OFF | << | =
    | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?
    | [-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9_]+)?
    | [-+]?0(?:[xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}
      (?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]*)?
         (?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)?""",
    re.VERBOSE,
)


def resolved(text: str) -> Scalar:
    """Give the value of a scalar that has no quotes and no tag."""
    if text and text[0] not in _FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        try:
            return _integer(text)
        except ValueError:  # a prefix without digits, or more digits than Python takes
            return PlainText(text)
    if _FLOAT.fullmatch(text):
        number = _floating(text)
        return PlainText(text) if math.isinf(number) and text[-1] in "0123456789_." else number
    return PlainText(text) if _UNCERTAIN.fullmatch(text) else text


def is_uncertain(text: str) -> bool:
    """Tell whether a reader may take *text*, written without quotes, for something else."""
    return not text or (text[0] in _FIRST and _may_be_more(text))


def _may_be_more(text: str) -> bool:
    return bool(
        text in _WORDS
        or _UNCERTAIN.fullmatch(text)
        or _INT.fullmatch(text)
        or _FLOAT.fullmatch(text)
    )


def stays_plain(text: str) -> bool:
    """Tell whether *text* without quotes is read as `PlainText` again."""
    return type(resolved(str(text))) is PlainText


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    unsigned = digits.lstrip("+-")
    if len(unsigned) > 1 and unsigned[0] == "0" and unsigned[1] not in "xb":
        return int(digits, 8)
    return int(digits, 0)


def _floating(text: str) -> float:
    digits = text.replace("_", "").lower()
    if digits.endswith(("inf", "nan")):
        return float(digits.replace(".", ""))
    return float(digits)
