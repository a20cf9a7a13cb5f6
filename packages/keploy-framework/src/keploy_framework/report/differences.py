"""What differs in a reported test: as it was told, or found again in an older report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from keploy_framework.formats.narrow import is_list, is_mapping
from keploy_framework.matching.differences import Change, Difference
from keploy_framework.matching.json_values import ABSENT, NOT_JSON, parse_json
from keploy_framework.matching.noise_filter import NoiseFilter
from keploy_framework.matching.response.json_compare import JsonComparison
from keploy_framework.matching.verdict import risk_of
from keploy_framework.report.texts import mapping_of, names_of, text_of

# Any: other tools write reports, too.
Data: TypeAlias = Any

_NO_NOISE: Final = NoiseFilter({}, "strict")
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """One difference, as text.

    Args:
        path: Such as ``body.items.stock``, as noise would name it.
        place: The same with the indexes of arrays.
        change: How the values differ: ``value``, ``type``, ``removed``, ``added`` or ``length``.
        expected: The recorded value; empty where there was none.
        actual: The value that came; empty where there is none.
        risk: How grave it is, such as ``HIGH``.
    """

    path: str
    place: str
    change: str
    expected: str = ""
    actual: str = ""
    risk: str = ""

    def __str__(self) -> str:
        if self.change == Change.ADDED:
            return f"{self.place} was added: {self.actual}"
        if self.change == Change.REMOVED:
            return f"{self.place} is missing: {self.expected}"
        return f"{self.place}: expected {self.expected}, got {self.actual}"


def differences_of(result: dict[Any, Data], failure: dict[Any, Data]) -> tuple[DifferenceView, ...]:
    """Give what differs in a test.

    Upstream's reports tell no differences; those of its status, headers and bodies are found
    again, noise included, as it is not told with its patterns.

    Args:
        result: The section ``result`` of the test.
        failure: Its section ``failure_info``.
    """
    told = failure.get("differences")
    if is_list(told):
        return tuple(_told(one) for one in told if is_mapping(one))
    found: list[Difference] = []
    status = mapping_of(result.get("status_code"))
    if status.get("normal") is False:
        found.append(
            Difference("status", Change.VALUE, status.get("expected"), status.get("actual"))
        )
    found += (
        _header(mapping_of(one.get("expected")), mapping_of(one.get("actual")))
        for one in _wrong(result.get("headers_result"))
    )
    for one in _wrong(result.get("body_result")):
        found += _bodies(text_of(one.get("expected")), text_of(one.get("actual")))
    return tuple(_shown(one) for one in found[:_MOST])


def _told(one: dict[Any, Data]) -> DifferenceView:
    names = ("path", "place", "change", "expected", "actual", "risk")
    return DifferenceView(*(text_of(one.get(name)) for name in names))


def _shown(one: Difference) -> DifferenceView:
    return DifferenceView(
        one.path,
        one.place or one.path,
        str(one.change),
        "" if one.expected is ABSENT else one.shown_expected,
        "" if one.actual is ABSENT else one.shown_actual,
        str(risk_of(one)),
    )


def _wrong(value: Data) -> list[dict[Any, Data]]:
    listed = value if is_list(value) else []
    return [one for one in listed if is_mapping(one) and one.get("normal") is False]


def _header(expected: dict[Any, Data], actual: dict[Any, Data]) -> Difference:
    name = text_of(expected.get("key")) or text_of(actual.get("key"))
    recorded, came = (", ".join(names_of(side.get("value"))) for side in (expected, actual))
    if not actual.get("value"):
        return Difference(f"header.{name}", Change.REMOVED, recorded)
    if not expected.get("value"):
        return Difference(f"header.{name}", Change.ADDED, ABSENT, came)
    return Difference(f"header.{name}", Change.VALUE, recorded, came)


def _bodies(expected: str, actual: str) -> list[Difference]:
    recorded, came = parse_json(expected), parse_json(actual)
    if recorded is NOT_JSON or came is NOT_JSON:
        return [Difference("body", Change.VALUE, expected, actual)]
    comparison = JsonComparison(_NO_NOISE, ignore_ordering=True, most=_MOST)
    comparison.compare(recorded, came)
    return comparison.differences
