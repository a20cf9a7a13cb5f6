"""The book against a slow reference that looks at every mock for every request."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from keploy_framework.exchange import Request
from keploy_framework.formats.models.mock import Mock
from keploy_framework.matching.choice.chooser import ChoiceRules
from keploy_framework.mocks.book import BookRules, MockBook
from keploy_framework.mocks.outcomes import Answer

EXAMPLES = 100_000 if os.environ.get("TTA_LONG") else 200
TESTS = ("t1", "t2", "t3")

hosts = st.sampled_from(["a.test", "b.test"])
targets = st.sampled_from(["/x", "/y", "/x?p=1&q=2", "/x?q=2&p=1", "/x?p=2&q=2"])
bodies = st.sampled_from(["", '{"k":1,"l":2}', '{"l": 2, "k": 1.0}', '{"k":2}', "text"])


@dataclass
class Known:
    name: str
    host: str
    target: str
    body: str
    owners: frozenset[str]
    is_session: bool
    uses: int = 0


@st.composite
def recordings(draw: st.DrawFn) -> list[Known]:
    count = draw(st.integers(0, 8))
    return [
        Known(
            f"m{number}",
            draw(hosts | st.just("")),
            draw(targets),
            draw(bodies),
            draw(st.frozensets(st.sampled_from(TESTS), max_size=2)),
            draw(st.integers(0, 5)) == 0,
        )
        for number in range(count)
    ]


steps = st.lists(
    st.tuples(st.just("ask"), hosts, targets, bodies)
    | st.tuples(st.sampled_from(["begin", "end"]), st.sampled_from(TESTS)),
    max_size=20,
)


def mock_of(known: Known) -> Mock:
    data: dict[str, Any] = {
        "kind": "Http",
        "name": known.name,
        "spec": {
            "metadata": {"type": "config" if known.is_session else "HTTP_CLIENT"},
            "req": {
                "method": "GET",
                "url": known.target,
                "header": {"Host": known.host} if known.host else {},
                "body": known.body,
            },
            "resp": {"status_code": 200, "body": known.name},
        },
    }
    return Mock(data)


def meaning(target: str, body: str) -> Any:
    path, _, query = target.partition("?")
    try:
        return path, sorted(query.split("&")), json.loads(body)
    except ValueError:
        return path, sorted(query.split("&")), body


class Reference:
    """Say the rules one after another, without any index."""

    def __init__(self, known: list[Known]) -> None:
        self.known = known
        self.running: dict[str, None] = {}
        self.ended: set[str] = set()

    def ask(self, host: str, target: str, body: str) -> set[str | None]:
        """Give the mocks that may answer; None for a miss."""
        meant = meaning(target, body)
        for wanted in (host, ""):
            equal = [
                one
                for one in self.known
                if one.host == wanted and meaning(one.target, one.body) == meant
            ]
            if equal:
                break
        else:
            return {None}
        unused = [one for one in equal if not one.is_session and not one.uses]
        sessions = [one for one in equal if one.is_session]
        for group in (
            [one for one in unused if one.owners & self.running.keys()],
            [one for one in unused if not one.owners],
        ):
            if group:
                return {group[0].name}
        if sessions:
            fewest = min(one.uses for one in sessions)
            return {next(one.name for one in sessions if one.uses == fewest)}
        late = [one for one in unused if one.owners & self.ended]
        if late:
            return {late[0].name}
        used = [one for one in equal if one.uses]
        own = [one for one in used if one.owners & self.running.keys()]
        return {own[-1].name} if own else {one.name for one in used} or {None}


@settings(max_examples=EXAMPLES)
@given(known=recordings(), does=steps)
def test_the_index_chooses_as_the_slow_reference(known: list[Known], does: list[tuple[str, ...]]):
    """The index chose a mock that the rules do not, or missed one that they do."""
    rules = BookRules(ChoiceRules(dynamic_path=False, similar_from=None))
    mapped = {test: [one.name for one in known if test in one.owners] for test in TESTS}
    book = MockBook(map(mock_of, known), mapped=mapped, rules=rules)
    reference = Reference(known)
    by_name = {one.name: one for one in known}
    for step in does:
        if step[0] == "begin":
            book.begin(step[1])
            reference.running[step[1]] = None
        elif step[0] == "end":
            book.end(step[1])
            reference.running.pop(step[1], None)
            reference.ended.add(step[1])
        else:
            _, host, target, body = step
            found = book.answer(Request("GET", target, (), body.encode(), "https", host), 0)
            name = found.mock if isinstance(found, Answer) else None
            expected = reference.ask(host, target, body)
            assert name in expected
            if name is not None:
                by_name[name].uses += 1
    assert {one.name: one.uses for one in known if one.uses > 1 and not one.is_session} == (
        book.usage().overused
    )
