"""Assertions that a test makes in place of comparing with the recorded response."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from keploy_framework.exchange import header
from keploy_framework.matching.decoded import decoded_body
from keploy_framework.matching.differences import Change, Difference
from keploy_framework.matching.json_values import ABSENT, NOT_JSON, Json, parse_json
from keploy_framework.matching.noise_filter import NoiseFilter
from keploy_framework.matching.response.json_compare import JsonComparison

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from keploy_framework.exchange import Response
    from keploy_framework.matching.noise_filter import Compat

# Any: other tools write the files too.
Wanted: TypeAlias = Any
Check: TypeAlias = "Callable[[Wanted, Response], Iterator[Difference]]"


def failed_assertions(
    assertions: Mapping[str, Wanted], actual: Response, compat: Compat, warnings: list[str]
) -> tuple[Difference, ...]:
    """Give the assertions that do not hold.

    Args:
        assertions: ``status_code``, ``status_code_class`` (``2xx``), ``status_code_in``,
            ``header_equal``, ``header_contains``, ``header_exists``, ``header_matches``,
            ``json_equal`` and ``json_contains``, each with what it wants.
        actual: The response that came.
        compat: An assertion that is not known fails with ``strict``, and is passed over with
            ``keploy``.
        warnings: Takes a sentence for each that is not known or cannot be read.
    """
    found: list[Difference] = []
    for name, wanted in assertions.items():
        check = _CHECKS.get(name)
        if check is None:
            warnings.append(f"the assertion {name!r} is not known; correct its name")
            if compat == "strict":
                found.append(Difference(f"assertion.{name}", Change.VALUE, wanted, ABSENT))
            continue
        try:
            found += check(wanted, actual)
        except (TypeError, ValueError, AttributeError, re.error) as error:
            warnings.append(f"the assertion {name!r} cannot be read ({error}); correct it")
            found.append(Difference(f"assertion.{name}", Change.VALUE, wanted, ABSENT))
    return tuple(found)


def _status_code(wanted: Wanted, actual: Response) -> Iterator[Difference]:
    if int(wanted) != actual.status:
        yield _failed("status_code", wanted, actual.status)


def _status_code_class(wanted: Wanted, actual: Response) -> Iterator[Difference]:
    if str(wanted).strip().lower()[:1] != str(actual.status)[:1]:
        yield _failed("status_code_class", wanted, actual.status)


def _status_code_in(wanted: Wanted, actual: Response) -> Iterator[Difference]:
    codes = {int(code) for code in _listed(wanted)}
    if actual.status not in codes:
        yield _failed("status_code_in", wanted, actual.status)


def _header_equal(wanted: Wanted, actual: Response) -> Iterator[Difference]:
    for name, value in _mapping(wanted).items():
        came = header(actual.headers, str(name))
        if came != str(value):
            yield _failed(f"header_equal.{name}", value, came)


def _header_contains(wanted: Wanted, actual: Response) -> Iterator[Difference]:
    for name, value in _mapping(wanted).items():
        came = header(actual.headers, str(name))
        if came is None or any(str(part) not in came for part in _listed_as_is(value)):
            yield _failed(f"header_contains.{name}", value, came)


def _header_exists(wanted: Wanted, actual: Response) -> Iterator[Difference]:
    names = list(_mapping(wanted)) if isinstance(wanted, dict) else _listed(wanted)
    for name in names:
        if header(actual.headers, str(name)) is None:
            yield _failed(f"header_exists.{name}", name, None)


def _header_matches(wanted: Wanted, actual: Response) -> Iterator[Difference]:
    for name, pattern in _mapping(wanted).items():
        came = header(actual.headers, str(name))
        if came is None or re.search(str(pattern), came) is None:
            yield _failed(f"header_matches.{name}", pattern, came)


def _json_equal(wanted: Wanted, actual: Response) -> Iterator[Difference]:
    expected, came = _wanted_json(wanted), _body_json(actual)
    if came is NOT_JSON:
        yield _failed("json_equal", expected, ABSENT)
        return
    comparison = JsonComparison(_NO_NOISE, ignore_ordering=False, root="assertion.json_equal")
    comparison.compare(expected, came)
    yield from comparison.differences


def _json_contains(wanted: Wanted, actual: Response) -> Iterator[Difference]:
    expected, came = _wanted_json(wanted), _body_json(actual)
    if came is NOT_JSON:
        yield _failed("json_contains", expected, ABSENT)
    else:
        yield from _missing(expected, came, "json_contains")


def _missing(expected: Json, actual: Json, path: str) -> Iterator[Difference]:
    """Yield what is not contained: fields at their places, items anywhere in an array."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        given = cast("dict[str, Json]", actual)
        for key, value in cast("dict[str, Json]", expected).items():
            found = given.get(key, ABSENT)
            if found is ABSENT and "." in key:
                found = _at(given, key)
            yield from _missing(value, found, f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        items = cast("list[Json]", actual)
        for item in cast("list[Json]", expected):
            if not any(not list(_missing(item, one, path)) for one in items):
                yield _failed(path, item, items)
    else:
        comparison = JsonComparison(_NO_NOISE, ignore_ordering=False)
        comparison.compare(expected, actual)
        if actual is ABSENT or comparison.differences:
            yield _failed(path, expected, actual)


def _at(value: Json, path: str) -> Json:
    for step in path.split("."):
        if isinstance(value, dict):
            value = cast("dict[str, Json]", value).get(step, ABSENT)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):  # pyright: ignore[reportUnknownArgumentType]
            value = cast("list[Json]", value)[int(step)]
        else:
            return ABSENT
    return value


def _wanted_json(wanted: Wanted) -> Json:
    """Give what is wanted: data, or a text that is JSON."""
    if not isinstance(wanted, str):
        return wanted
    parsed = parse_json(wanted)
    return wanted if parsed is NOT_JSON else parsed


def _body_json(actual: Response) -> Json:
    return parse_json(decoded_body(actual).data)


def _listed(wanted: Wanted) -> list[Wanted]:
    if isinstance(wanted, str):
        return [part.strip() for part in wanted.split(",")]
    return _listed_as_is(wanted)


def _listed_as_is(wanted: Wanted) -> list[Wanted]:
    return cast("list[Wanted]", wanted) if isinstance(wanted, list) else [wanted]


def _mapping(wanted: Wanted) -> Mapping[str, Wanted]:
    if not isinstance(wanted, dict):
        msg = f"it must map names to values, got {type(wanted).__name__}"
        raise TypeError(msg)
    return cast("dict[str, Wanted]", wanted)


def _failed(name: str, wanted: Wanted, actual: object) -> Difference:
    came = ABSENT if actual is None else actual
    return Difference(f"assertion.{name}", Change.VALUE, wanted, came)


_NO_NOISE: Final = NoiseFilter({}, "strict")
_CHECKS: Final[dict[str, Check]] = {
    "status_code": _status_code,
    "status_code_class": _status_code_class,
    "status_code_in": _status_code_in,
    "header_equal": _header_equal,
    "header_contains": _header_contains,
    "header_exists": _header_exists,
    "header_matches": _header_matches,
    "json_equal": _json_equal,
    "json_contains": _json_contains,
}
