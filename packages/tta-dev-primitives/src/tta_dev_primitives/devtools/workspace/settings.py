"""Read which rules a workspace leaves out."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from .pyproject import Pyproject, PyprojectError

if TYPE_CHECKING:
    from collections.abc import Iterable


def ignored_rules(root: Pyproject, table: str, rules: Iterable[str]) -> frozenset[str]:
    """Return the rules that `ignore` in `[tool.tta.TABLE]` of the root names.

    Args:
        root: The file of the root.
        table: The name of the table below `tool.tta`.
        rules: The codes that there are.

    Raises:
        PyprojectError: It names something else.
    """
    keys = ("tool", "tta", table, "ignore")
    given = texts_at(root, *keys)
    known = [str(rule) for rule in rules]
    for index, code in enumerate(given):
        if code not in known:
            near = get_close_matches(code, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            place = root.place(*keys, index)
            raise PyprojectError(root.path, f"{place}: there is no rule {code!r}; {hint}")
    return frozenset(given)


def texts_at(root: Pyproject, *keys: str) -> tuple[str, ...]:
    """Return the list of texts at *keys*, an empty one where there is none.

    Raises:
        PyprojectError: It is no list, or holds something else.
    """
    given = root.at(*keys)
    texts = tuple(item for item in root.items(*keys) if isinstance(item, str))
    if given is None:
        return ()
    if not isinstance(given, list) or len(texts) != len(root.items(*keys)):
        name = ".".join(keys)
        msg = f"{root.place(*keys)}: {name} must be a list of texts, got {given!r}; correct it"
        raise PyprojectError(root.path, msg)
    return texts
