"""The mocks of a test set: they answer outgoing calls while tests are replayed."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from keploy_framework.errors import KeployFormatError
from keploy_framework.exchange import Response
from keploy_framework.matching.choice.bucket import KnownMock, Scope
from keploy_framework.matching.choice.chooser import ChoiceRules, Chooser, Level
from keploy_framework.matching.choice.explanation import explain
from keploy_framework.matching.choice.request_form import RequestForm
from keploy_framework.matching.choice.windows import Windows
from keploy_framework.mocks.entry import Entry
from keploy_framework.mocks.outcomes import Answer, Miss, OnMiss
from keploy_framework.mocks.timing import StreamTiming
from keploy_framework.mocks.usage import Approximation, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from keploy_framework.exchange import Request
    from keploy_framework.formats.models.mock import Mock
    from keploy_framework.matching.choice.windows import Window

_SESSION_TYPES: Final = frozenset(("config", "connection"))
_MOST_KEPT: Final = 1000
_MISS: Final = "keploy: no matching mock found for this HTTP request"


@dataclass(frozen=True, slots=True)
class BookRules:
    """How a book answers.

    Args:
        choice: How a mock is chosen.
        on_miss: What shall be done about a request that no mock answers.
        timing: How fast streams are replayed.

    Raises:
        ValueError: *on_miss* is none of the three.
    """

    choice: ChoiceRules = field(default_factory=ChoiceRules)
    on_miss: OnMiss = "fail"
    timing: StreamTiming = field(default_factory=StreamTiming)

    def __post_init__(self) -> None:
        if self.on_miss not in ("fail", "passthrough", "record"):
            msg = f"on_miss must be fail, passthrough or record, got {self.on_miss!r}; name one"
            raise ValueError(msg)


class MockBook:
    """Answer outgoing calls from recorded mocks, and keep count of them.

    Mocks belong to tests by name where there are mappings, else by the time of their calls.
    Say with `begin` and `end` which tests run. A request is answered within microseconds and
    opens no socket. Not safe to use from two threads.

    Args:
        mocks: The mocks in recorded order. Those of kinds that cannot be answered from are
            listed in `unserved`, damaged ones in `damaged`.
        mapped: The names of each test's mocks; a mock that is named belongs to no other test.
        windows: The times of the recorded tests.
        rules: How to answer.
    """

    def __init__(
        self,
        mocks: Iterable[Mock],
        *,
        mapped: Mapping[str, Sequence[str]] | None = None,
        windows: Iterable[Window] = (),
        rules: BookRules | None = None,
    ) -> None:
        self._rules = rules or BookRules()
        self._scope = Scope(strict_window=self._rules.choice.strict_window)
        self._chooser = Chooser(self._rules.choice, self._scope)
        self._entries: dict[str, Entry] = {}
        self._approximations: dict[Approximation, None] = {}
        self._misses: list[Miss] = []
        self._missed = 0
        self.unserved: dict[str, list[str]] = {}
        self.damaged: dict[str, str] = {}
        owners = _owners(mapped or {})
        times = Windows(windows)
        for order, mock in enumerate(mocks):
            self._read(order, mock)
        for order, entry in enumerate(sorted(self._entries.values(), key=_recorded_order)):
            self._choosable(order, entry, owners, times)

    def begin(self, test: str) -> None:
        """Say that a test runs; several may run at once."""
        self._scope.running[test] = None

    def end(self, test: str) -> None:
        """Say that a test does not run any more; its late calls are answered still."""
        self._scope.running.pop(test, None)
        self._scope.ended.add(test)

    def answer(self, request: Request, now: int | None = None, *, test: str = "") -> Answer | Miss:
        """Answer a request from the mock that fits it best, or explain why none does.

        Args:
            request: The request; its body may have its content encoding on.
            now: When it came, in nanoseconds since 1970; ``None`` for the present.
            test: The test it is known to belong to; empty for any that runs, unless the
                request says so in a header ``Keploy-Test-Id``.
        """
        at = time.time_ns() if now is None else now
        form = RequestForm(request)
        owner = test or form.test
        choice = self._chooser.choose(form, owner)
        if choice is None:
            return self._miss(form, at, owner)
        known = choice.mock
        if choice.level is not Level.EXACT:
            url = f"{form.host}{form.path}"
            self._approximate(Approximation(known.name, url, choice.level, choice.similarity))
        response = self._entries[known.name].response(request, self._rules.timing, at)
        return Answer(response, known.name, choice.level, choice.similarity, choice.is_repeated, at)

    def usage(self) -> Usage:
        """Give which mocks were used, which were not, and which too often."""
        known = [one.known for one in self._entries.values() if one.known is not None]
        return Usage(
            used=tuple(one.name for one in known if one.uses),
            unused=tuple(one.name for one in known if not one.uses and not one.is_session),
            overused={one.name: one.uses for one in known if one.uses > 1 and not one.is_session},
            approximations=tuple(self._approximations),
            misses=tuple(miss.explanation for miss in self._misses),
            missed=self._missed,
            unserved={kind: tuple(names) for kind, names in self.unserved.items()},
            damaged=dict(self.damaged),
        )

    @property
    def misses(self) -> tuple[Miss, ...]:
        """The first requests that no mock answered, in order; `usage` counts all of them."""
        return tuple(self._misses)

    def __len__(self) -> int:
        """Count the mocks that can be answered from."""
        return sum(one.known is not None for one in self._entries.values())

    def _read(self, order: int, mock: Mock) -> None:
        name = f"document {order + 1}"
        try:
            name = mock.name or name
            if not mock.is_http:
                self.unserved.setdefault(mock.kind, []).append(name)
                return
            recorded = mock.response
            if recorded.body_skipped:
                self.damaged[name] = "the body was not kept; record the call again"
                return
            # Names need not differ: damaged or merged files have some twice.
            key = name if name not in self._entries else f"{name} (document {order + 1})"
            self._entries[key] = Entry(key, name, order, mock, recorded, mock.began)
        except KeployFormatError as error:
            self.damaged[name] = str(error)

    def _choosable(
        self, order: int, entry: Entry, owners: Mapping[str, frozenset[str]], times: Windows
    ) -> None:
        mock = entry.mock
        try:
            request, declared = mock.request, mock.noise
            noise = self._rules.choice.noise.for_path(request.target.partition("?")[0])
            noise = noise.joined(_texts(declared.get("req")), _texts(declared.get("value")))
            mapped = owners.get(entry.name)
            of_tests = times.owners(entry.began) if mapped is None else mapped
            is_session = mock.type in _SESSION_TYPES
            known = KnownMock(entry.key, order, RequestForm(request), of_tests, is_session, noise)
            self._chooser.add(known)
        except (KeployFormatError, TypeError, re.error) as error:
            self.damaged[entry.key] = str(error)
        else:
            entry.known = known

    def _approximate(self, approximation: Approximation) -> None:
        if len(self._approximations) < _MOST_KEPT:
            self._approximations[approximation] = None

    def _miss(self, form: RequestForm, at: int, test: str) -> Miss:
        explanation = explain(form, self._chooser.places, self._scope, test)
        body = f"{_MISS}\n{explanation}\n".encode(errors="replace")
        headers = (
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
        )
        response = Response(502, "Bad Gateway", headers, body, (), len(body))
        tests = (test,) if test else tuple(self._scope.running)
        miss = Miss(response, explanation, self._rules.on_miss, at, tests)
        self._missed += 1
        if len(self._misses) < _MOST_KEPT:
            self._misses.append(miss)
        return miss


def _recorded_order(entry: Entry) -> tuple[int, int]:
    return (entry.began or 0, entry.order)


def _owners(mapped: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for test, names in mapped.items():
        for name in names:
            found.setdefault(name, set()).add(test)
    return {name: frozenset(tests) for name, tests in found.items()}


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        listed = cast("list[object]", value)
        texts = [one for one in listed if isinstance(one, str)]
        if len(texts) == len(listed):
            return texts
    msg = "the noise of a mock must be a list of texts; correct it"
    raise TypeError(msg)
