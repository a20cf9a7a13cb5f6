"""Tell identifiers that are made anew in every run by their look."""

from __future__ import annotations

import re
from typing import Final

_LAYOUTS: Final = {
    "uuid": r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
    "ulid": r"(?=[0-9]*[A-Z])[0-7][0-9A-HJKMNP-TV-Z]{25}",
    "object id": r"(?=[0-9]*[a-f])[0-9a-f]{24}",
    "token": r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",
    "trace": r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
    "model answer": (
        r"(?:chatcmpl|cmpl|gen)-[A-Za-z0-9-]{8,}"
        r"|(?:msg|resp|call|toolu|req|run|fc|rs|srvtoolu)_[A-Za-z0-9]{8,}"
    ),
}
_IDENTIFIER: Final = re.compile(
    "|".join(f"(?P<{name.replace(' ', '_')}>{layout})" for name, layout in _LAYOUTS.items()),
    re.ASCII,
)
_SHORTEST: Final = len("fc_01234567")
_LONGEST: Final = 8192
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]{16}|[0-9a-fA-F]{32}", re.ASCII)
_TRACE_NAME: Final = re.compile(
    r"(?:trace|span|request|correlation|parent)[-_]?id$|^x-b3-", re.IGNORECASE
)


def identifier_kind(text: str, name: str = "") -> str | None:
    """Give the kind of identifier that a whole text is, such as ``uuid``; ``None`` for none.

    Hexadecimal digits alone may be a hash of the content, which must not change; they count as
    the ``trace`` of a request only where their name says so.

    Args:
        text: The text.
        name: The name of the field or header that has it.
    """
    if not _SHORTEST <= len(text) <= _LONGEST:
        return None
    found = _IDENTIFIER.fullmatch(text)
    if found is not None:
        return (found.lastgroup or "").replace("_", " ")
    if _TRACE_NAME.search(name) and _HEXADECIMAL.fullmatch(text):
        return "trace"
    return None
