"""A line of what was asked, for people who may not see all of it."""

from __future__ import annotations

import re
from typing import Final

from tta_dev_primitives.devtools.findings.key_masking import MASK, without_keys

LONGEST: Final = 60
_LOOKED_AT: Final = 400  # so that a key which begins within what is shown is hidden as a whole
# A long run of letters and digits mixed is a key or a token far oftener than it is a word.
_TOKEN: Final = re.compile(r"(?=[\w+/=.~-]*\d)(?=[\w+/=.~-]*[A-Za-z])[\w+/=.~-]{20,}")
_GIVEN: Final = re.compile(r"(?i)\b(bearer|basic|password|passwd|secret|token)(\W{1,3})(\S{6,})")


def shown(text: str) -> str:
    """Return the beginning of *text* as one line of at most 60 characters, keys as stars.

    What looks like a key, a token or a password is hidden before the text is cut, so that no half
    of one is left.
    """
    line = _without_keys(text[:_LOOKED_AT])
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3].rstrip()}..."


def shown_end(text: str) -> str:
    """Return the end of *text* likewise: what is asked comes after the instructions."""
    line = _without_keys(text[-_LOOKED_AT:])
    return line if len(line) <= LONGEST else f"...{line[3 - LONGEST :].lstrip()}"


def _without_keys(text: str) -> str:
    line = " ".join(text.split())
    line = "".join(each if each.isprintable() else "?" for each in line)
    line = _GIVEN.sub(lambda found: f"{found[1]}{found[2]}{MASK * len(found[3])}", line)
    return _TOKEN.sub(lambda found: MASK * len(found[0]), without_keys(line))
