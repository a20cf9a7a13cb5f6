"""Order versions as PEP 440 does, and tell which steps are large."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

VersionKey: TypeAlias = tuple[
    int,
    tuple[int, ...],
    tuple[int, int],
    int,
    tuple[int, int],
    tuple[tuple[int, int, str], ...],
]

_VERSION: Final = re.compile(
    r"""
    \s*v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)
    (?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>\d*))?
    (?:-(?P<plain_post>\d+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_number>\d*))?
    (?:[-_.]?(?P<dev>dev)[-_.]?(?P<dev_number>\d*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_PHASES: Final = {"a": 0, "alpha": 0, "b": 1, "beta": 1}  # whatever else is a candidate
_FINAL: Final = (3, 0)
_BEFORE_ANY_PHASE: Final = (-1, 0)
_LAST: Final = (1, 0)


def version_key(version: str) -> VersionKey | None:
    """Return what orders *version* among others, None where it is no version at all."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return None
    numbers = [int(part) for part in found["release"].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    post = -1
    if found["plain_post"] or found["post"]:
        post = int(found["plain_post"] or found["post_number"] or 0)
    if found["pre"]:
        phase = (_PHASES.get(found["pre"].lower(), 2), int(found["pre_number"] or 0))
    else:
        # 1.0.dev1 comes before 1.0a1, but 1.0.post1.dev1 after 1.0.
        phase = _BEFORE_ANY_PHASE if found["dev"] and post < 0 else _FINAL
    development = (0, int(found["dev_number"] or 0)) if found["dev"] else _LAST
    return (int(found["epoch"] or 0), tuple(numbers), phase, post, development, _local(found))


def _local(found: re.Match[str]) -> tuple[tuple[int, int, str], ...]:
    parts = re.split(r"[-_.]", found["local"].lower()) if found["local"] else []
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


def order(version: str | None) -> tuple[int, VersionKey | tuple[()], str]:
    """Return a key that sorts every text: no version, no PEP 440 version, then the rest.

    It is the same for two ways to write one version, such as 1.0 and 1.0.0.
    """
    if version is None:
        return (0, (), "")
    key = version_key(version)
    return (1, (), version) if key is None else (2, key, "")


def is_newer(before: str | None, after: str | None) -> bool:
    """Tell whether *after* comes later than *before*."""
    return order(after) > order(before)


def is_major_step(before: str | None, after: str | None) -> bool:
    """Tell whether the epoch or the first number differs; below 1.0, the second counts as well."""
    old, new = version_key(before or ""), version_key(after or "")
    if old is None or new is None:
        return False
    if (old[0], old[1][0]) != (new[0], new[1][0]):
        return True
    return old[1][0] == 0 and (*old[1], 0)[1] != (*new[1], 0)[1]
