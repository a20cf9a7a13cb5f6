"""Why no mock answers a request: the nearest one, where it was lost, and what differs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from keploy_framework.matching.choice.similarity import similarity
from keploy_framework.matching.differences import Change, Difference, shown
from keploy_framework.matching.json_values import ABSENT, NOT_JSON
from keploy_framework.matching.noise_filter import NoiseFilter
from keploy_framework.matching.response.json_compare import JsonComparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keploy_framework.matching.choice.bucket import KnownMock, Scope
    from keploy_framework.matching.choice.request_form import Key, Pairs, RequestForm

_MOST_DIFFERENCES: Final = 20
_MOST_COMPARED: Final = 50
_MOST_PLACES: Final = 2000
_LONGEST_TEXT: Final = 120
_LEAST_PATH_IN_COMMON: Final = 0.5


class Phase(StrEnum):
    """The step in which the nearest mock was lost."""

    NO_MOCKS = "no mocks"
    HOST = "host"
    PATH = "path"
    METHOD = "method"
    QUERY = "query"
    HEADER = "header"
    BODY = "body"
    WINDOW = "window"
    USED_UP = "used up"


_NEXT_MOVES: Final = {
    Phase.NO_MOCKS: "record the call, or let it through with --on-miss passthrough",
    Phase.HOST: "point the app at the recorded host, or record the call again",
    Phase.PATH: "correct the URL, or record the call again",
    Phase.METHOD: "correct the method, or record the call again",
    Phase.QUERY: "declare the parameter as noise of the mock if it differs in every run, "
    "or record the call again",
    Phase.HEADER: "send the header as it was recorded, or record the call again",
    Phase.BODY: "declare the field as noise of the mock if it differs in every run, "
    "or record the call again",
    Phase.WINDOW: "run that test first, map the mock to this test, "
    "or set strictMockWindow to false",
    Phase.USED_UP: "find why the app calls more often, or record the call again",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a request got no answer.

    Args:
        request: The request in short: method and URL without its query.
        phase: The step in which the nearest mock was lost.
        nearest: The name of that mock; empty where none is near.
        nearest_request: Its request in short.
        differences: What differs, named like ``query.page`` or ``body.messages[3].content``.
        tests: The tests that own the nearest mock.
        next_move: What to do.
    """

    request: str
    phase: Phase
    nearest: str = ""
    nearest_request: str = ""
    differences: tuple[Difference, ...] = ()
    tests: tuple[str, ...] = ()
    next_move: str = ""

    def __str__(self) -> str:
        lines = [f"no mock answers {self.request}"]
        if self.nearest:
            owners = f" of {', '.join(self.tests)}" if self.tests else ""
            lines.append(
                f"the nearest is {self.nearest}{owners} ({self.nearest_request}), "
                f"lost by its {self.phase}"
            )
        lines += [f"  {difference}" for difference in self.differences]
        lines.append(f"next: {self.next_move}")
        return "\n".join(lines)


def explain(
    form: RequestForm, places: Mapping[Key, list[KnownMock]], scope: Scope, test: str = ""
) -> Explanation:
    """Find the nearest mock of a request that got none, and say what differs.

    The work is bounded: of many mocks only some are compared.

    Args:
        form: The request.
        places: The mocks by method, host and path.
        scope: Which tests run.
        test: The one test the request is known to belong to; empty for any that runs.
    """
    request = _short(form)
    place = _nearest_place(form, places)
    if place is None:
        return Explanation(request, Phase.NO_MOCKS, next_move=_NEXT_MOVES[Phase.NO_MOCKS])
    mock = _nearest_mock(form, places[place], scope, test)
    differences = tuple(
        _shortened(one) for one in islice(_differences(form, mock.form), _MOST_DIFFERENCES)
    )
    phase = _phase(differences)
    if phase is Phase.USED_UP and not scope.reaches(mock, test):
        phase = Phase.WINDOW
    return Explanation(
        request,
        phase,
        mock.name,
        _short(mock.form),
        differences,
        tuple(sorted(mock.owners)),
        _NEXT_MOVES[phase],
    )


def _nearest_place(form: RequestForm, places: Mapping[Key, list[KnownMock]]) -> Key | None:
    for known in (form.place, (form.method, "", form.path)):
        if known in places:
            return known
    scored = ((_closeness(form, place), place) for place in islice(places, _MOST_PLACES))
    closeness, best = max(scored, key=lambda one: one[0], default=(0.0, None))
    return best if closeness > 0 else None


def _closeness(form: RequestForm, place: Key) -> float:
    method, host, path = (str(part) for part in place)
    steps, others = form.path.strip("/").split("/"), path.strip("/").split("/")
    same = sum(one == other for one, other in zip(steps, others, strict=False))
    share = same / max(len(steps), len(others))
    is_near_path = share >= _LEAST_PATH_IN_COMMON
    is_same_host = host in (form.host, "")
    if not is_near_path and not (is_same_host and host):
        return 0.0
    return 4.0 * (form.path == path) + share + 2.0 * is_same_host + 0.5 * (method == form.method)


def _nearest_mock(form: RequestForm, mocks: list[KnownMock], scope: Scope, test: str) -> KnownMock:
    asked = form.fields

    def nearness(mock: KnownMock) -> tuple[float, ...]:
        alike = 1.0 if mock.form.body == form.body else 0.0
        fields = mock.form.fields if asked is not None and not alike else None
        if asked is not None and fields is not None:
            alike = similarity(asked, fields)
        return (
            mock.form.query == form.query,
            mock.form.deciding == form.deciding,
            alike,
            scope.reaches(mock, test),
            not mock.uses,
        )

    return max(mocks[:_MOST_COMPARED], key=nearness)


def _differences(form: RequestForm, known: RequestForm) -> Iterator[Difference]:
    if known.host and form.host != known.host:
        yield Difference("host", Change.VALUE, known.host, form.host)
    if form.path != known.path:
        yield Difference("path", Change.VALUE, known.path, form.path)
    if form.method != known.method:
        yield Difference("method", Change.VALUE, known.method, form.method)
    yield from _pair_differences("query", known.query, form.query)
    yield from _pair_differences("header", known.deciding, form.deciding)
    yield from _body_differences(form, known)


def _pair_differences(part: str, expected: Pairs, actual: Pairs) -> Iterator[Difference]:
    wanted, came = _by_name(expected), _by_name(actual)
    for name in dict.fromkeys((*wanted, *came)):
        one, other = wanted.get(name, ABSENT), came.get(name, ABSENT)
        if one != other:
            change = _change(one, other)
            yield Difference(f"{part}.{name}", change, one, other)


def _body_differences(form: RequestForm, known: RequestForm) -> Iterable[Difference]:
    if form.body == known.body:
        return ()
    if form.json is not NOT_JSON and known.json is not NOT_JSON:
        comparison = JsonComparison(_NO_NOISE, ignore_ordering=False, most=_MOST_DIFFERENCES)
        comparison.compare(known.json, form.json)
        return comparison.differences
    if form.is_form and known.is_form:
        return _pair_differences("body", known.form, form.form)
    return (Difference("body", Change.VALUE, known.body, form.body),)


def _shortened(difference: Difference) -> Difference:
    """Keep short texts in place of long values, so that misses do not hold whole bodies."""
    return replace(
        difference,
        expected=_short_value(difference.path, difference.expected),
        actual=_short_value(difference.path, difference.actual),
    )


# Any: JSON of any shape.
def _short_value(path: str, value: Any) -> Any:
    is_plain = value is ABSENT or value is None or isinstance(value, bool | int | float)
    is_short = isinstance(value, str) and len(value) <= _LONGEST_TEXT
    return value if is_plain or is_short else shown(path, value)


def _by_name(pairs: Pairs) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _change(expected: object, actual: object) -> Change:
    if expected is ABSENT:
        return Change.ADDED
    return Change.REMOVED if actual is ABSENT else Change.VALUE


def _phase(differences: tuple[Difference, ...]) -> Phase:
    parts = {difference.path.partition(".")[0] for difference in differences}
    order = (Phase.HOST, Phase.PATH, Phase.METHOD, Phase.QUERY, Phase.HEADER, Phase.BODY)
    return next((phase for phase in order if phase in parts), Phase.USED_UP)


def _short(form: RequestForm) -> str:
    return f"{form.method} {form.host}{form.path}"


_NO_NOISE: Final = NoiseFilter({}, "strict")
