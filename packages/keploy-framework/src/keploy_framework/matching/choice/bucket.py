"""Mocks that answer the same request, and the order in which they do."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keploy_framework.matching.choice.request_form import RequestForm
    from keploy_framework.matching.choice.request_noise import RequestNoise

_MOST_LOOKED_AT: Final = 64


@dataclass(slots=True, eq=False)
class KnownMock:
    """A mock that can be chosen, and how often it was.

    Args:
        name: The name of the mock.
        order: Its place in the file.
        form: The request it answers.
        owners: The tests it belongs to; none for those of the start of the app.
        is_session: Whether it answers any number of requests, whichever test runs.
        noise: What does not count of its request.
        uses: How many requests it answered.
    """

    name: str
    order: int
    form: RequestForm
    owners: frozenset[str]
    is_session: bool
    noise: RequestNoise
    uses: int = 0


@dataclass(slots=True)
class Scope:
    """The tests that run, and those that did.

    Args:
        running: The tests that run now, in the order they began.
        ended: The tests that ran before.
        strict_window: Whether the mocks of tests that did not run yet are out of reach.
    """

    running: dict[str, None] = field(default_factory=dict[str, None])
    ended: set[str] = field(default_factory=set[str])
    strict_window: bool = True

    def reaches(self, mock: KnownMock, test: str = "") -> bool:
        """Tell whether a mock may answer now.

        Args:
            mock: The mock.
            test: The one test the request is known to belong to; empty for any that runs.
        """
        if mock.is_session or not mock.owners or not mock.owners.isdisjoint(self.ended):
            return True
        running = (test,) if test else self.running
        return not self.strict_window or not mock.owners.isdisjoint(running)


class Line:
    """Mocks in recorded order, and how far they are used up."""

    __slots__ = ("_at", "mocks")

    def __init__(self) -> None:
        self.mocks: list[KnownMock] = []
        self._at = 0

    def position(self) -> int:
        """Give the index of the first mock that is not used; all before it are."""
        while self._at < len(self.mocks) and self.mocks[self._at].uses:
            self._at += 1
        return self._at

    def unused(self) -> KnownMock | None:
        """Give the first mock that is not used."""
        at = self.position()
        return self.mocks[at] if at < len(self.mocks) else None

    def used(self) -> KnownMock | None:
        """Give the last mock before the first one that is not used."""
        at = self.position()
        return self.mocks[at - 1] if at else None


class Bucket:
    """Give mocks in the order they were recorded, each once; session mocks take turns.

    A mock of a running test comes first, then those of no test, then session mocks, then late
    ones: calls of a test that ended may still come. Taking one costs the same however many
    there are.

    Attributes:
        related: The buckets that hold the same mocks and those that are equal but for noise.
    """

    __slots__ = ("_all", "_by_owner", "_last", "_session", "related")

    def __init__(self) -> None:
        self.related: dict[RequestNoise, Bucket] = {}
        self._all = Line()
        self._by_owner: dict[str, Line] = {}
        self._session: deque[KnownMock] | None = None
        self._last: KnownMock | None = None

    def add(self, mock: KnownMock) -> None:
        """Add a mock, in recorded order."""
        if mock.is_session:
            self._session = self._session or deque()
            self._session.append(mock)
            return
        self._all.mocks.append(mock)
        for owner in mock.owners or ("",):
            self._by_owner.setdefault(owner, Line()).mocks.append(mock)

    def take(self, scope: Scope, test: str = "") -> KnownMock | None:
        """Use up the next mock; ``None`` where all are used up or out of reach.

        Args:
            scope: Which tests run.
            test: The one test the request is known to belong to; empty for any that runs.
        """
        unused = (line.unused() for line in self._lines((test,) if test else scope.running))
        mock = min((one for one in unused if one is not None), key=_order, default=None)
        if mock is None and "" in self._by_owner:
            mock = self._by_owner[""].unused()
        if mock is None and self._session:
            mock = self._session.popleft()
            self._session.append(mock)
        mock = mock or self._late(scope, test)
        if mock is not None:
            mock.uses += 1
            self._last = mock
        return mock

    def repeat(self, scope: Scope, test: str = "") -> KnownMock | None:
        """Use the last used mock of a running test again, else the last one used.

        Args:
            scope: Which tests run.
            test: The one test the request is known to belong to; empty for any that runs.
        """
        used = (line.used() for line in self._lines((test,) if test else scope.running))
        mock = max((one for one in used if one is not None), key=_order, default=None)
        # One that another bucket took is found only at the head of the line.
        mock = mock or self._last or self._all.used()
        if mock is not None:
            mock.uses += 1
        return mock

    def _lines(self, owners: Iterable[str]) -> Iterator[Line]:
        return (self._by_owner[owner] for owner in owners if owner in self._by_owner)

    def _late(self, scope: Scope, test: str) -> KnownMock | None:
        at = self._all.position()
        for mock in self._all.mocks[at : at + _MOST_LOOKED_AT]:
            if not mock.uses and scope.reaches(mock, test):
                return mock
        return None


def _order(mock: KnownMock) -> int:
    return mock.order
