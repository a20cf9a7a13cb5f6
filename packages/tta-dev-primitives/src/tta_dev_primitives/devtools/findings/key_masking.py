"""Hiding keys in what is shown: a report is read by more people than the source is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK: Final = "*"
# More generous than the rule that finds keys: to hide a placeholder costs a reader nothing.
_KEYS: Final = (
    re.compile(r"\b(?:sk-|gsk_|hf_|r8_|xai-|pplx-|AIza)([\w-]{16,})"),
    re.compile(
        r"api_?key[\"']?\]?\s*[=:]\s*(?:str\s*=\s*)?[\"'](?=[^\"']*\d)([^\"'\s]{20,})",
        re.IGNORECASE,
    ),
)
_NOT_MASKED: Final = frozenset("\"' \t")


def without_keys(text: str, places: Iterable[tuple[int, int]] = ()) -> str:
    """Return *text*, as long as it is, with a star for each character of what may be a key.

    What has the shape of a key is hidden wherever it stands, up to its prefix.

    Args:
        text: A line of source, or a sentence that may quote one.
        places: Where keys are known to stand, as columns from 0 and the one behind; everything
            but quotes and spaces is hidden there.
    """
    for shape in _KEYS:
        text = shape.sub(_hidden, text)
    for start, end in places:
        hidden = "".join(each if each in _NOT_MASKED else MASK for each in text[start:end])
        text = text[:start] + hidden + text[start + len(hidden) :]
    return text


def _hidden(found: re.Match[str]) -> str:
    whole, start = found[0], found.start(1) - found.start()
    end = found.end(1) - found.start()
    return whole[:start] + MASK * (end - start) + whole[end:]
