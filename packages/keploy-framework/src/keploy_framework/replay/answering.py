"""Answer the app's calls from the mocks of the set that runs."""

from __future__ import annotations

import time
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from keploy_framework.formats import Mock
from keploy_framework.matching.choice.windows import Window
from keploy_framework.mocks.book import BookRules, MockBook
from keploy_framework.mocks.outcomes import Miss
from keploy_framework.proxy.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keploy_framework.exchange import Exchange, Request, Response
    from keploy_framework.formats import Mappings, TestCase
    from keploy_framework.redaction import Redactor
    from keploy_framework.wire import Unrecorded


class ComparableMock(Mock):
    """A mock whose request is in the form that live requests are matched in."""

    __slots__ = ("redactor",)

    redactor: Redactor

    @classmethod
    def of(cls, mock: Mock, redactor: Redactor) -> ComparableMock:
        """Make one of a mock."""
        made = cls(mock.data, mock.file, mock.line)
        made.redactor = redactor
        return made

    @property
    def request(self) -> Request:
        """The request, without secrets, all placeholders alike."""
        return self.redactor.comparable_request(super().request)


class SetAnswers:
    """The answers of whichever set runs; the proxy asks it for as long as the app lives."""

    def __init__(self, redactor: Redactor, rules: BookRules) -> None:
        self._redactor = redactor
        self._rules = rules
        self.book = MockBook((), rules=rules)
        self.unanswered: Counter[str] = Counter()
        self.new: list[Exchange] = []
        """The exchanges that are to become mocks of the set."""

    def use(
        self, mocks: Sequence[Mock], tests: Sequence[tuple[str, TestCase]], mappings: Mappings
    ) -> None:
        """Answer from the mocks of another set.

        Args:
            mocks: Its mocks.
            tests: Its tests by name.
            mappings: Which mocks belong to which test.
        """
        mapped = {
            test: [mock.name for mock in found] for test, found in mappings.by_test.items() if found
        }
        windows = [
            Window(name, case.began, case.ended)
            for name, case in tests
            if case.began is not None and case.ended is not None
        ]
        self.unanswered, self.new = Counter(), []
        self.book = MockBook(
            [ComparableMock.of(mock, self._redactor) for mock in mocks],
            mapped=mapped,
            windows=windows,
            rules=self._rules,
        )

    def answer(self, request: Request) -> Answer | None:
        """Give the answer to a call; where no mock fits, 502 with the reason, or None to ask on."""
        now = time.time_ns()
        found = self.book.answer(self._redactor.comparable_request(request), now)
        if isinstance(found, Miss) and found.action != "fail":
            return None
        return _paced(found.response, now)

    @property
    def may_fetch(self) -> bool:
        """Whether real servers are asked for what no mock answers."""
        return self._rules.on_miss != "fail"

    def fetched(self, exchange: Exchange) -> None:
        """Take an exchange with a real server, which is kept where misses are recorded."""
        if self._rules.on_miss == "record":
            self.new.append(exchange)

    def unrecorded(self, what: Unrecorded) -> None:
        """Take note of a call that could not be answered at all."""
        self.unanswered[what.problem] += 1


def _paced(response: Response, now: int) -> Answer:
    """Turn the times at which pieces are sent into the waits between them."""
    if not response.chunks:
        return Answer(response)
    times = [chunk.at for chunk in response.chunks]
    # The first one waits from now on, as the recorded server let its client wait too.
    gaps = [times[0] - now, *(later - earlier for earlier, later in pairwise(times))]
    return Answer(response, gaps=tuple(max(gap, 0) / 1e9 for gap in gaps))
