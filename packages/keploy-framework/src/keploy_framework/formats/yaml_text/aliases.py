"""Anchors, aliases and merged keys: read as copies, as many as a person would write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from keploy_framework.formats.narrow import is_list, is_mapping

if TYPE_CHECKING:
    from collections.abc import Callable

    from keploy_framework.errors import KeployFormatError

# Any: a file may hold anything.
Data: TypeAlias = Any

MAX_COPIED: Final = 100_000
"""How many values all aliases of a document may add together."""


class Anchors:
    """The anchors of one document.

    Aliases become copies, so changing one place never changes another; the bound on copies
    keeps a small file from filling the memory.

    Args:
        fail: Makes the error for a reason and a line.
    """

    __slots__ = ("_copied", "_fail", "_values", "begun")

    def __init__(self, fail: Callable[[str, int], KeployFormatError]) -> None:
        self.begun: dict[int, str] = {}
        self._values: dict[str, Data] = {}
        self._fail = fail
        self._copied = 0

    def keep(self, name: str, value: Data) -> None:
        """Remember a finished value."""
        self._values[name] = value

    def begin(self, name: str, depth: int) -> None:
        """Note that the container now being read at *depth* has a name."""
        self.begun[depth] = name
        self._values.pop(name, None)

    def finish(self, depth: int, value: Data) -> None:
        """Remember the container at *depth*, if it has a name."""
        name = self.begun.pop(depth, None)
        if name is not None:
            self._values[name] = value

    def copied(self, name: str, line: int) -> Data:
        """Copy the value an alias stands for."""
        if name not in self._values:
            reason = f"has the alias *{name} without a finished anchor before it; write the value"
            raise self._fail(reason, line)
        return self._copy(self._values[name], line)

    def _copy(self, value: Data, line: int) -> Data:
        self._copied += 1
        if self._copied > MAX_COPIED:
            reason = f"has aliases that stand for more than {MAX_COPIED} values; write them out"
            raise self._fail(reason, line)
        if is_mapping(value):
            return {key: self._copy(item, line) for key, item in value.items()}
        if is_list(value):
            return [self._copy(item, line) for item in value]
        return value


def merge_sources(
    value: Data, fail: Callable[[str, int], KeployFormatError], line: int
) -> list[Data]:
    """Give the mappings that the key ``<<`` names, the one that wins first."""
    sources: list[Data] = value if is_list(value) else [value]
    if not sources or not all(map(is_mapping, sources)):
        reason = "has a '<<' that names no mapping; name one"
        raise fail(reason, line)
    return sources


def with_merged(own: Data, sources: list[Data]) -> Data:
    """Join a mapping with what it merges; its own keys win."""
    result: Data = {}
    for source in (*reversed(sources), own):
        result.update(source)
    return result
