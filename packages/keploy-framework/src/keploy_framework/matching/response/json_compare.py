"""Compare two JSON values: every difference that is no noise, arrays in any order or in theirs."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final, cast

from keploy_framework.matching.differences import Change, Difference, path_of, place_of
from keploy_framework.matching.json_values import (
    ABSENT,
    Json,
    canonical,
    type_name,
)

if TYPE_CHECKING:
    from keploy_framework.matching.differences import Trail
    from keploy_framework.matching.noise_filter import NoiseFilter

MOST_DIFFERENCES: Final = 1000
"""More are not collected; the verdict needs only one."""

_MOST_PAIRS: Final = 250_000


class JsonComparison:
    """Collect the differences between a recorded value and one that came.

    Where order does not count, equal items of two arrays are paired first, then items that are
    equal but for noise. The cost is about linear, unless noise with patterns makes items equal:
    those are tried pair by pair, as long as there are few enough.

    Args:
        noise: What is ignored.
        ignore_ordering: Whether the items of arrays may come in any order, at every level.
        root: What paths begin with.
        most: The most differences to collect.
    """

    __slots__ = ("_ignore_ordering", "_most", "_noise", "_root", "differences")

    def __init__(
        self,
        noise: NoiseFilter,
        *,
        ignore_ordering: bool,
        root: str = "body",
        most: int = MOST_DIFFERENCES,
    ) -> None:
        self._noise = noise
        self._ignore_ordering = ignore_ordering
        self._root = root
        self._most = most
        self.differences: list[Difference] = []

    def compare(self, expected: Json, actual: Json, trail: Trail = (), path: str = "") -> None:
        """Add the differences between two values.

        Args:
            expected: The recorded value.
            actual: The value that came.
            trail: The way to them.
            path: The same without indexes, joined with dots.
        """
        if len(self.differences) >= self._most:
            return
        noise = self._noise.at(path)
        if noise is not None and (
            noise.is_any or (not isinstance(actual, dict | list) and noise.covers(actual))
        ):
            return
        if isinstance(expected, dict) and isinstance(actual, dict):
            self._objects(expected, actual, trail, path)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(expected, list) and isinstance(actual, list):
            self._arrays(expected, actual, trail, path)  # pyright: ignore[reportUnknownArgumentType]
        elif type_name(expected) != type_name(actual):
            self._add(Change.TYPE, expected, actual, trail)
        elif expected != actual:
            self._add(Change.VALUE, expected, actual, trail)

    def _objects(
        self, expected: dict[str, Json], actual: dict[str, Json], trail: Trail, path: str
    ) -> None:
        for key, value in expected.items():
            below = f"{path}.{key}" if path else key
            if key in actual:
                self.compare(value, actual[key], (*trail, key), below)
            elif not self._is_noise(below):
                self._add(Change.REMOVED, value, ABSENT, (*trail, key))
        for key, value in actual.items():
            if key not in expected and not self._noise.covers(
                f"{path}.{key}" if path else key, value
            ):
                self._add(Change.ADDED, ABSENT, value, (*trail, key))

    def _arrays(self, expected: list[Json], actual: list[Json], trail: Trail, path: str) -> None:
        if len(expected) != len(actual):
            self._add(Change.LENGTH, len(expected), len(actual), trail)
        if not self._ignore_ordering:
            for at, (one, other) in enumerate(zip(expected, actual, strict=False)):
                self.compare(one, other, (*trail, at), path)
            return
        left, right = self._unpaired(expected, actual, path)
        # Of arrays with other lengths nobody can tell which items belong together.
        if len(expected) == len(actual):
            for at, other in zip(left, right, strict=True):
                self.compare(expected[at], actual[other], (*trail, at), path)

    def _unpaired(
        self, expected: list[Json], actual: list[Json], path: str
    ) -> tuple[list[int], list[int]]:
        """Give the indexes of the items that have no equal on the other side."""
        waiting: defaultdict[str, deque[int]] = defaultdict(deque)
        for at, item in enumerate(actual):
            waiting[self._form(item, path)].append(at)
        left: list[int] = []
        for at, item in enumerate(expected):
            same = waiting.get(self._form(item, path))
            if same:
                same.popleft()
            else:
                left.append(at)
        right = sorted(at for same in waiting.values() for at in same)
        if self._noise.has_patterns and len(left) * len(right) <= _MOST_PAIRS:
            self._pair_by_patterns(expected, actual, left, right, path)
        return left, right

    def _pair_by_patterns(
        self, expected: list[Json], actual: list[Json], left: list[int], right: list[int], path: str
    ) -> None:
        for at in tuple(left):
            for other in right:
                if self._is_same(expected[at], actual[other], path):
                    left.remove(at)
                    right.remove(other)
                    break

    def _is_same(self, expected: Json, actual: Json, path: str) -> bool:
        inner = JsonComparison(self._noise, ignore_ordering=self._ignore_ordering, most=1)
        inner.compare(expected, actual, (), path)
        return not inner.differences

    def _form(self, value: Json, path: str) -> str:
        """Give a text that values share which are equal but for noise of any value."""
        return canonical(self._reduced(value, path))

    def _reduced(self, value: Json, path: str) -> Json:
        if self._is_noise(path):
            return _LEFT_OUT
        if isinstance(value, dict):
            items = cast("dict[str, Json]", value).items()
            below = ((key, one, f"{path}.{key}" if path else key) for key, one in items)
            return {
                key: self._reduced(one, inner)
                for key, one, inner in below
                if not self._is_noise(inner)
            }
        if isinstance(value, list):
            forms = (self._form(item, path) for item in cast("list[Json]", value))
            # Items become texts: the first one keeps them apart from an array of strings.
            return [_LEFT_OUT, *sorted(forms)]
        return value

    def _is_noise(self, path: str) -> bool:
        noise = self._noise.at(path)
        return noise is not None and noise.is_any

    def _add(self, change: Change, expected: Json, actual: Json, trail: Trail) -> None:
        self.differences.append(
            Difference(
                path_of(self._root, trail),
                change,
                expected,
                actual,
                place_of(self._root, trail),
            )
        )


_LEFT_OUT: Final = {"": "noise"}
