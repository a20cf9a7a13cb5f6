"""Compare the shapes of two JSON values: names and types, whatever the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from keploy_framework.matching.differences import Change, Difference, path_of, place_of
from keploy_framework.matching.json_values import ABSENT, Json, type_name

if TYPE_CHECKING:
    from keploy_framework.matching.differences import Trail
    from keploy_framework.matching.noise_filter import NoiseFilter


def schema_differences(expected: Json, actual: Json, noise: NoiseFilter) -> list[Difference]:
    """Give where the shape of a value is not the recorded one.

    Every recorded field must be there with its type; fields may be added. Each item of an array
    needs the shape of one of the recorded items; an array recorded empty says nothing about
    its items.

    Args:
        expected: The recorded value.
        actual: The value that came.
        noise: The fields that may have any shape.
    """
    return _differences(expected, actual, noise, ())


def _differences(
    expected: Json, actual: Json, noise: NoiseFilter, trail: Trail
) -> list[Difference]:
    path = path_of("", trail).removeprefix(".")
    if noise.covers(path, actual):
        return []
    if type_name(expected) != type_name(actual):
        return [_difference(Change.TYPE, expected, actual, trail)]
    found: list[Difference] = []
    if isinstance(expected, dict):
        given = cast("dict[str, Json]", actual)
        for key, value in cast("dict[str, Json]", expected).items():
            inner = (*trail, key)
            if key in given:
                found += _differences(value, given[key], noise, inner)
            elif not noise.covers(path_of("", inner).removeprefix("."), ABSENT):
                found.append(_difference(Change.REMOVED, value, ABSENT, inner))
    elif isinstance(expected, list):
        shapes = _different_shapes(cast("list[Json]", expected))
        for at, item in enumerate(cast("list[Json]", actual)):
            tried = [_differences(shape, item, noise, (*trail, at)) for shape in shapes]
            if tried and all(tried):
                found += min(tried, key=len)
    return found


def _different_shapes(items: list[Json]) -> list[Json]:
    return list({_shape(item): item for item in items}.values())


def _shape(value: Json) -> str:
    if isinstance(value, dict):
        items = sorted(cast("dict[str, Json]", value).items())
        return "{" + ",".join(f"{key!r}:{_shape(one)}" for key, one in items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(sorted({_shape(one) for one in cast("list[Json]", value)})) + "]"
    return type_name(value)


def _difference(change: Change, expected: Json, actual: Json, trail: Trail) -> Difference:
    return Difference(path_of("body", trail), change, expected, actual, place_of("body", trail))
