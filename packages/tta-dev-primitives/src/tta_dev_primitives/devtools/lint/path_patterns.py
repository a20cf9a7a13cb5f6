"""Path patterns as settings write them: `tests`, `*.ipynb`, `src/**/generated_*.py`."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def matches_any(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether *path*, or a folder it lies in, fits one of *patterns*.

    A pattern without a slash fits a name at any depth; one with a slash fits from the folder of the
    settings on. `*` and `?` stop at a slash, `**` does not.

    Args:
        path: Relative to the folder of the settings, with `/` between its parts.
        patterns: What settings hold.
    """
    return any(_expression(pattern).fullmatch(path) is not None for pattern in patterns)


@functools.lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    text = pattern.removeprefix("./").rstrip("/")
    anchored = "/" in text
    text = text.lstrip("/")
    pieces = [] if anchored else ["(?:.*/)?"]
    position = 0
    while position < len(text):
        if text.startswith("**/", position):
            pieces.append("(?:.*/)?")
            position += 3
        elif text.startswith("**", position):
            pieces.append(".*")
            position += 2
        elif (found := _SET.match(text, position)) is not None:
            inverse = "^" if found[1] else ""
            pieces.append(f"[{inverse}{re.escape(found[2]).replace(chr(92) + '-', '-')}]")
            position = found.end()
        else:
            pieces.append(
                {"*": "[^/]*", "?": "[^/]"}.get(text[position], re.escape(text[position]))
            )
            position += 1
    try:
        return re.compile("".join(pieces) + "(?:/.*)?", re.DOTALL)
    except re.error:  # a set such as [z-a] fits nothing, as in a shell
        return re.compile(r"(?!)")


_SET = re.compile(r"\[(!?)([^\]/]+)\]")
