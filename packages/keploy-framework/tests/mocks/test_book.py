"""The choice of a mock for an outgoing request, through the book that answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from keploy_framework.exchange import Request
from keploy_framework.formats.models.mock import Mock
from keploy_framework.matching.choice.chooser import ChoiceRules, Level
from keploy_framework.matching.choice.explanation import Phase
from keploy_framework.matching.choice.request_noise import RequestNoise
from keploy_framework.matching.choice.windows import Window
from keploy_framework.mocks.book import BookRules, MockBook
from keploy_framework.mocks.outcomes import Answer, Miss

Make = Callable[..., Any]
# 2026-01-22T10:00:00Z, from which the times of the mocks count.
START = 1_769_076_000_000_000_000


def at(milliseconds: int) -> int:
    return START + milliseconds * 1_000_000


def given(book: MockBook, request: Request, test: str = "") -> str | None:
    """Give the name of the mock that answers, or None."""
    found = book.answer(request, 0, test=test)
    return found.mock if isinstance(found, Answer) else None


def phase(book: MockBook, request: Request) -> Phase:
    found = book.answer(request, 0)
    assert isinstance(found, Miss), found
    return found.explanation.phase


@pytest.mark.parametrize(
    ("recorded", "sent", "is_answered"),
    [
        ({"url": "/a"}, {"target": "/a"}, True),
        ({"url": "/a"}, {"target": "/a", "method": "POST"}, False),
        ({"url": "/a"}, {"target": "/b"}, False),
        ({"url": "/a"}, {"target": "/a", "host": "API.shop.test:443"}, True),
        ({"url": "/a"}, {"target": "/a", "host": "api.shop.test:8080"}, False),
        ({"url": "/a"}, {"target": "/a", "host": "other.test"}, False),
        ({"url": "/a", "host": ""}, {"target": "/a", "host": "any.test"}, True),
        ({"url": "https://one.test/a", "host": ""}, {"target": "/a", "host": "one.test"}, True),
        ({"url": "https://one.test/a", "host": ""}, {"target": "/a", "host": "two.test"}, False),
        ({"url": "/a?x=1&y=2"}, {"target": "/a?y=2&x=1"}, True),
        ({"url": "/a?x=1"}, {"target": "/a?x=2"}, False),
        ({"url": "/a?x=1"}, {"target": "/a"}, False),
        ({"url": "/a?x=1&x=2"}, {"target": "/a?x=2&x=1"}, False),
        ({"url": "/a%20b"}, {"target": "/a b"}, True),
        ({"url": "/a", "body": '{"x":1,"y":[1,2]}'}, {"body": '{"y": [1, 2], "x": 1.0}'}, True),
        ({"url": "/a", "body": '{"y":[1,2]}'}, {"body": '{"y":[2,1]}'}, False),
        ({"url": "/a", "body": "x=1&y=2"}, {"body": "y=2&x=1"}, False),
        ({"url": "/a", "body": "one"}, {"body": "two"}, False),
        ({"url": "/a", "headers": {"Authorization": "x", "User-Agent": "1"}}, {}, True),
        ({"url": "/a", "headers": {"X-Amz-Target": "Get"}},
         {"headers": (("x-amz-target", "Put"),)}, False),
        ({"url": "/a", "headers": {"Range": "bytes=0-9"}},
         {"headers": (("Range", "bytes=0-9"),)}, True),
    ],
    ids=["equal", "method", "path", "default-port-and-case", "port", "host", "host-unknown",
         "absolute", "absolute-other", "order-of-query", "query-value", "query-missing",
         "order-of-one-name", "percent", "canonical-json", "order-of-items", "form-as-it-is",
         "text", "headers-do-not-count", "operation-in-a-header", "range"],
)  # fmt: skip
def test_what_must_be_equal(
    mock: Make, request_of: Make, recorded: dict[str, Any], sent: dict[str, Any], is_answered: bool
):
    """A mock answered a request it must not, or not the one it was recorded for."""
    book = MockBook([mock(**recorded)], rules=BookRules(ChoiceRules(similar_from=None)))
    assert (given(book, request_of(**{"target": "/a", **sent})) is not None) is is_answered


def test_a_compressed_request_finds_its_mock(mock: Make, request_of: Make):
    """A request with gzip missed, as recordings keep the decoded body."""
    import gzip

    body = gzip.compress(b'{"a": 1}')
    book = MockBook([mock("/a", '{"a":1}')])
    assert given(book, request_of("/a", body, headers=(("Content-Encoding", "gzip"),)))


def test_the_boundary_of_a_form_does_not_count(mock: Make, request_of: Make):
    """An upload missed, as its boundary is made up anew for every request."""
    form = '--{0}\r\nContent-Disposition: form-data; name="a"\r\n\r\n{1}\r\n--{0}--\r\n'
    kind = "multipart/form-data; boundary={}"
    book = MockBook(
        [mock("/", form.format("one", "1"), headers={"Content-Type": kind.format("one")})]
    )
    sent = (("Content-Type", kind.format("two")),)
    assert given(book, request_of("/", form.format("two", "2"), headers=sent)) is None
    assert given(book, request_of("/", form.format("two", "1"), headers=sent))


def test_equal_requests_are_answered_in_recorded_order(mock: Make, request_of: Make):
    """Polling gave the last state first."""
    book = MockBook(
        [mock("/p", name="c", at=30), mock("/p", name="a", at=10), mock("/p", name="b", at=20)]
    )
    assert [given(book, request_of("/p")) for _ in range(4)] == ["a", "b", "c", "c"]
    assert book.usage().overused == {"c": 2}


def test_order_is_kept_for_each_request(mock: Make, request_of: Make):
    """Another request in between used up an answer."""
    mocks = [mock(f"/{key}", name=f"{key}{turn}") for turn in (1, 2) for key in "xy"]
    book = MockBook(mocks)
    assert [given(book, request_of(f"/{key}")) for key in "xxyy"] == ["x1", "x2", "y1", "y2"]


def test_a_mock_that_is_used_up_misses_when_told(mock: Make, request_of: Make):
    """With when_used_up miss a second call was answered."""
    book = MockBook([mock("/p")], rules=BookRules(ChoiceRules(when_used_up="miss")))
    assert given(book, request_of("/p"))
    assert phase(book, request_of("/p")) is Phase.USED_UP


def test_session_mocks_answer_any_number_of_times(mock: Make, request_of: Make):
    """A session mock was used up, or counted as over-used."""
    book = MockBook([mock("/t", name="a", type_="config"), mock("/t", name="b", type_="config")])
    assert [given(book, request_of("/t")) for _ in range(7)] == [*"abababa"]
    assert (book.usage().overused, book.usage().unused) == ({}, ())


@pytest.mark.parametrize(
    ("noise", "sent", "is_answered"),
    [
        ({"req": ["body.at"]}, {"body": '{"at": 2, "id": 1}'}, True),
        ({"req": ["body.at"]}, {"body": '{"id": 1}'}, True),
        ({"req": ["body.at"]}, {"body": '{"at": 1, "id": 2}'}, False),
        ({"req": ["at"]}, {"body": '{"at": 2, "id": 1}'}, True),
        ({"req": ["body"]}, {"body": "anything"}, True),
        ({"req": ["query.v"]}, {"target": "/n?v=2", "body": '{"at": 1, "id": 1}'}, True),
        ({"req": ["query.w"]}, {"target": "/n?v=2", "body": '{"at": 1, "id": 1}'}, False),
        ({"value": ["^[0-9]$"]}, {"body": '{"at": 5, "id": 6}'}, True),
        ({"value": ["^[0-9]$"]}, {"body": '{"at": 50, "id": 6}'}, False),
    ],
    ids=["field", "absent", "other-field", "name-alone", "whole-body", "query", "other-query",
         "pattern", "pattern-does-not-match"],
)  # fmt: skip
def test_noise_of_a_mock(
    mock: Make, request_of: Make, noise: Any, sent: dict[str, Any], is_answered: bool
):
    """Declared noise did not help, or hid what it does not name."""
    rules = BookRules(ChoiceRules(similar_from=None))
    book = MockBook([mock("/n?v=1", '{"at":1,"id":1}', noise=noise)], rules=rules)
    found = book.answer(request_of(**{"target": "/n?v=1", **sent}), 0)
    assert isinstance(found, Answer) is is_answered
    if isinstance(found, Answer):
        assert found.level is Level.NOISE


def test_noise_of_the_rules_counts_for_every_mock(mock: Make, request_of: Make):
    """Noise declared once did not count for all mocks."""
    rules = BookRules(ChoiceRules(noise=RequestNoise(("query.ts",))))
    book = MockBook([mock("/a?ts=1", name="a"), mock("/b?ts=1", name="b")], rules=rules)
    assert given(book, request_of("/b?ts=9")) == "b"
    assert given(book, request_of("/a?ts=9")) == "a"


def test_an_unused_mock_that_is_equal_but_for_noise_comes_before_a_used_one(
    mock: Make, request_of: Make
):
    """The first poll was answered twice though the second had its own recording."""
    noise = {"req": ["query.ts"]}
    book = MockBook(
        [mock("/a?ts=1", name="a", noise=noise), mock("/a?ts=2", name="b", noise=noise)]
    )
    assert [given(book, request_of("/a?ts=1")) for _ in range(3)] == ["a", "b", "a"]


def test_an_edited_url_is_not_answered_from_a_near_mock(mock: Make, request_of: Make):
    """A test whose URL was edited still passed, as a near mock answered it."""
    book = MockBook([mock("/users/1"), mock("/users/1?full=1"), mock("/users/2/posts")])
    for target in ("/users/2", "/users/1?full=2", "/users/10", "/user/1", "/users/3/posts"):
        assert given(book, request_of(target)) is None, target


@pytest.mark.parametrize(
    ("recorded", "sent", "digits", "is_answered"),
    [
        ("/u/0b1e4bb2-98a4-4b0c-9a6f-0a5b1de0b6b1", "/u/5c1e4bb2-98a4-4b0c-9a6f-0a5b1de0b6b1",
         False, True),
        ("/u/507f1f77bcf86cd799439011/x", "/u/607f1f77bcf86cd799439011/x", False, True),
        ("/u/507f1f77bcf86cd799439011/x", "/u/607f1f77bcf86cd799439011/y", False, False),
        ("/u/507f1f77bcf86cd799439011?a=1", "/u/607f1f77bcf86cd799439011?a=2", False, False),
        ("/u/1", "/u/2", False, False),
        ("/u/1", "/u/2", True, True),
        ("/u/latest-release-notes-of-2024", "/u/oldest-release-notes-of-2024", False, False),
    ],
    ids=["uuid", "hex", "rest-of-path", "query", "digits-off", "digits-on", "words"],
)  # fmt: skip
def test_dynamic_paths(
    mock: Make, request_of: Make, recorded: str, sent: str, digits: bool, is_answered: bool
):
    """An id made by a machine missed, or a step that a person wrote was taken for one."""
    book = MockBook([mock(recorded)], rules=BookRules(ChoiceRules(dynamic_digits=digits)))
    found = book.answer(request_of(sent), 0)
    assert isinstance(found, Answer) is is_answered
    if isinstance(found, Answer):
        assert found.level is Level.DYNAMIC_PATH
        assert [one.mock for one in book.usage().approximations] == [found.mock]


def test_a_known_url_is_never_answered_from_another(mock: Make, request_of: Make):
    """A second call to one user was answered with another user."""
    one, two = "/u/507f1f77bcf86cd799439011", "/u/607f1f77bcf86cd799439011"
    book = MockBook([mock(one, name="one"), mock(two, name="two")])
    assert [given(book, request_of(one)) for _ in range(2)] == ["one", "one"]


def test_a_known_url_that_is_used_up_is_not_answered_from_another(mock: Make, request_of: Make):
    """A second call to one user was answered with another user instead of a miss."""
    one, two = "/u/507f1f77bcf86cd799439011", "/u/607f1f77bcf86cd799439011"
    rules = BookRules(ChoiceRules(when_used_up="miss"))
    book = MockBook([mock(one, name="one"), mock(two, name="two")], rules=rules)
    assert [given(book, request_of(one)) for _ in range(2)] == ["one", None]


def fields(**changed: Any) -> str:
    plain: dict[str, Any] = {f"field{number}": number for number in range(19)}
    return json.dumps({**plain, **changed})


@pytest.mark.parametrize(
    ("sent", "least", "similarity"),
    [
        (fields(), 0.9, 1.0),
        (fields(field1=0), 0.9, 18 / 19),
        (fields(field1=0, field2=0), 0.9, None),
        (fields(field1=0, field2=0), 0.8, 17 / 19),
        (fields(field1=0), None, None),
        (fields(flag=True), 0.99, None),
        ("plain", 0.1, None),
    ],
    ids=["equal", "one-field", "below", "lower-threshold", "never", "boolean-counts", "text"],
)
def test_similar_bodies(
    mock: Make, request_of: Make, sent: str, least: float | None, similarity: float | None
):
    """A body that is too different was answered, or one that is near enough was not reported."""
    book = MockBook([mock("/s", fields())], rules=BookRules(ChoiceRules(similar_from=least)))
    found = book.answer(request_of("/s", sent), 0)
    assert (found.similarity if isinstance(found, Answer) else None) == pytest.approx(similarity)
    shares = [one.similarity for one in book.usage().approximations]
    assert shares == ([] if similarity in (None, 1.0) else [pytest.approx(similarity)])


def test_identifiers_and_times_count_by_their_kind(mock: Make, request_of: Make):
    """A fresh request id made a request miss."""
    recorded = '{"id":"0b1e4bb2-98a4-4b0c-9a6f-0a5b1de0b6b1","at":"2026-01-22T10:54:02Z","n":1}'
    sent = '{"id":"1b1e4bb2-98a4-4b0c-9a6f-0a5b1de0b6b1","at":"2027-01-22T10:54:02Z","n":1}'
    book = MockBook([mock("/s", recorded)])
    found = book.answer(request_of("/s", sent), 0)
    assert isinstance(found, Answer)
    assert (found.level, found.similarity) == (Level.SIMILAR, 1.0)


def test_the_most_similar_unused_mock_answers(mock: Make, request_of: Make):
    """Of several mocks a worse one answered, or one twice."""
    mocks = [mock("/s", fields(field1=0), name="near"), mock("/s", fields(field1=9), name="other")]
    book = MockBook(mocks)
    near = fields(field1=0, field0="x")
    assert [given(book, request_of("/s", near)) for _ in range(2)] == ["near", None]


def test_a_similar_body_needs_the_same_query(mock: Make, request_of: Make):
    """A similar body was answered although the query asks for something else."""
    book = MockBook([mock("/s?page=1", fields())])
    assert given(book, request_of("/s?page=2", fields(field1=0))) is None


def test_only_some_mocks_are_compared_by_likeness(mock: Make, request_of: Make):
    """Ten thousand mocks were compared with every request that misses."""
    mocks = [mock("/s", fields(field0=number, field1=number)) for number in range(200)]
    book = MockBook(mocks)
    assert given(book, request_of("/s", fields(field0=7, field1="x"))) == mocks[7].name
    assert given(book, request_of("/s", fields(field0=170, field1="x"))) is None


def test_large_bodies_are_not_compared_by_likeness(mock: Make, request_of: Make):
    """Telemetry of many megabytes was compared letter by letter."""
    large = {"data": ["x" * 50_000, "y" * 50_000]}
    book = MockBook([mock("/s", json.dumps(large))])
    assert given(book, request_of("/s", json.dumps({**large, "more": 1}))) is None


CHAT: dict[str, Any] = {
    "model": "gpt",
    "messages": [
        *({"role": "user", "content": f"turn {turn}"} for turn in range(30)),
    ],
    "temperature": 0,
}


@pytest.mark.parametrize(
    ("changed", "level"),
    [
        ({}, Level.EXACT),
        ({"user": "u-2"}, Level.NOISE),
        ({"metadata": {"run": 2}}, Level.NOISE),
        ({"temperature": 0.0}, Level.EXACT),
        ({"temperature": 1}, None),
        ({"model": "gpt-2"}, None),
        ({"stream": True}, None),
        ({"tools": []}, None),
        ({"messages": CHAT["messages"][:-1]}, None),
        ({"messages": CHAT["messages"][::-1]}, None),
    ],
    ids=["equal", "user", "metadata", "number", "temperature", "model", "stream", "tools",
         "fewer-turns", "order-of-turns"],
)  # fmt: skip
def test_calls_of_language_models(
    mock: Make, request_of: Make, changed: dict[str, Any], level: Level | None
):
    """Another prompt was answered from a near one, or a field no model reads made a miss."""
    url = "/v1/chat/completions"
    headers = {"Authorization": "Bearer a", "X-Stainless-Os": "Linux"}
    book = MockBook([mock(url, json.dumps({**CHAT, "user": "u-1"} if "user" in changed else CHAT),
                          method="POST", headers=headers)])  # fmt: skip
    sent = request_of(
        url,
        json.dumps({**CHAT, **changed}),
        method="POST",
        headers=(("Idempotency-Key", "x"), ("X-Stainless-Os", "MacOS")),
    )
    found = book.answer(sent, 0)
    assert (found.level if isinstance(found, Answer) else None) is level


def test_a_changed_message_is_named(mock: Make, request_of: Make):
    """A miss did not say which message of a conversation changed."""
    url = "/v1/chat/completions"
    messages = [dict(one) for one in CHAT["messages"]]
    messages[17]["content"] = "something else"
    book = MockBook([mock(url, json.dumps(CHAT), method="POST")])
    found = book.answer(
        request_of(url, json.dumps({**CHAT, "messages": messages}), method="POST"), 0
    )
    assert isinstance(found, Miss)
    assert [str(one) for one in found.explanation.differences] == [
        'body.messages[17].content: expected "turn 17", got "something else"'
    ]


def windows(*times: tuple[str, int, int]) -> list[Window]:
    return [Window(test, at(began), at(ended)) for test, began, ended in times]


def test_a_test_gets_the_mocks_of_its_time(mock: Make, request_of: Make):
    """The second test was answered with what the first one had recorded."""
    mocks = [mock("/m", name="first", at=15), mock("/m", name="second", at=35)]
    book = MockBook(mocks, windows=windows(("t1", 10, 20), ("t2", 30, 40)))
    book.begin("t2")
    assert given(book, request_of("/m")) == "second"
    book.end("t2")
    book.begin("t1")
    assert given(book, request_of("/m")) == "first"


def test_concurrent_tests_get_their_own_answers_by_their_bodies(mock: Make, request_of: Make):
    """Two tests at once got each other's answers."""
    mocks = [mock("/m", f'{{"user":{user}}}', name=f"of-{user}", at=15) for user in (1, 2)]
    book = MockBook(mocks, mapped={"t1": ["of-1"], "t2": ["of-2"]})
    book.begin("t1")
    book.begin("t2")
    assert given(book, request_of("/m", '{"user":2}')) == "of-2"
    assert given(book, request_of("/m", '{"user":1}')) == "of-1"


def test_concurrent_tests_that_ask_the_same_share_in_recorded_order(mock: Make, request_of: Make):
    """Two tests at once that ask the same got one answer twice and the other never."""
    mocks = [mock("/m", name=name, at=when) for name, when in (("a", 15), ("b", 16))]
    book = MockBook(mocks, windows=windows(("t1", 10, 20), ("t2", 12, 22)))
    book.begin("t1")
    book.begin("t2")
    assert {given(book, request_of("/m")), given(book, request_of("/m"))} == {"a", "b"}
    assert book.usage().overused == {}


def test_a_request_that_names_its_test_gets_the_mock_of_that_test(mock: Make, request_of: Make):
    """A request that says its test was answered from another that runs too."""
    mocks = [mock("/m", name="of-1", at=15), mock("/m", name="of-2", at=16)]
    book = MockBook(mocks, mapped={"t1": ["of-1"], "t2": ["of-2"]})
    book.begin("t1")
    book.begin("t2")
    named = request_of("/m", headers=(("KEPLOY-TEST-ID", "t2"),))
    assert given(book, named) == "of-2"
    assert given(book, request_of("/m"), test="t1") == "of-1"
    assert given(book, request_of("/m"), test="t1") == "of-1"
    assert book.usage().overused == {"of-1": 2}


def test_mappings_come_before_times(mock: Make, request_of: Make):
    """A mock answered the test of its time although it is mapped to another."""
    mocks = [mock("/m", name="a", at=15), mock("/m", name="b", at=16)]
    times = windows(("t1", 10, 20), ("t2", 30, 40))
    book = MockBook(mocks, mapped={"t2": ["a"], "t1": ["b"]}, windows=times)
    book.begin("t1")
    assert given(book, request_of("/m")) == "b"


def test_a_call_after_its_response_belongs_to_the_test_before_it(mock: Make, request_of: Make):
    """A call that a test made after its response was lost outside every window."""
    mocks = [mock("/log", name="late", at=25)]
    book = MockBook(mocks, windows=windows(("t1", 10, 20), ("t2", 30, 40)))
    book.begin("t1")
    book.end("t1")
    assert given(book, request_of("/log")) == "late"


def test_a_late_call_is_answered_while_the_next_test_runs(mock: Make, request_of: Make):
    """A late call of one test missed, or used up the answer of the next."""
    mocks = [mock("/log", name="of-1", at=15), mock("/log", name="of-2", at=35)]
    book = MockBook(mocks, windows=windows(("t1", 10, 20), ("t2", 30, 40)))
    book.begin("t1")
    book.end("t1")
    book.begin("t2")
    assert [given(book, request_of("/log")) for _ in range(2)] == ["of-2", "of-1"]


def test_calls_at_the_start_of_the_app_are_for_any_time(mock: Make, request_of: Make):
    """A call that was recorded before the first test missed."""
    book = MockBook([mock("/boot", at=5)], windows=windows(("t1", 10, 20)))
    assert given(book, request_of("/boot"))


@pytest.mark.parametrize("strict_window", [True, False])
def test_mocks_of_tests_to_come_are_out_of_reach(mock: Make, request_of: Make, strict_window: bool):
    """A test used up the mock of one that comes later, or the miss did not say why."""
    rules = BookRules(ChoiceRules(strict_window=strict_window))
    times = windows(("t1", 10, 20), ("t2", 30, 40))
    book = MockBook([mock("/m", name="of-2", at=35)], windows=times, rules=rules)
    book.begin("t1")
    found = book.answer(request_of("/m"), 0)
    assert isinstance(found, Answer) is not strict_window
    if isinstance(found, Miss):
        assert found.explanation.phase is Phase.WINDOW
        assert found.explanation.tests == ("t2",)
        assert found.tests == ("t1",)


@pytest.mark.parametrize(
    ("recorded", "sent", "expected", "paths"),
    [
        ({"url": "/a"}, {"target": "/a", "method": "PUT"}, Phase.METHOD, ["method"]),
        ({"url": "/a/b"}, {"target": "/a/c"}, Phase.PATH, ["path"]),
        ({"url": "/a"}, {"target": "/a", "host": "x.test"}, Phase.HOST, ["host"]),
        ({"url": "/a?x=1&y=1"}, {"target": "/a?x=2&z=1"}, Phase.QUERY,
         ["query.x", "query.y", "query.z"]),
        ({"url": "/a", "body": '{"b":[{"c":1}]}'}, {"target": "/a", "body": '{"b":[{"c":2}]}'},
         Phase.BODY, ["body.b.c"]),
        ({"url": "/a", "body": "one"}, {"target": "/a", "body": "two"}, Phase.BODY, ["body"]),
        ({"url": "/a", "headers": {"SOAPAction": "x"}}, {"target": "/a"}, Phase.HEADER,
         ["header.soapaction"]),
        ({"url": "/a", "host": "x.test"}, {"target": "/else/where"}, Phase.NO_MOCKS, []),
    ],
    ids=["method", "path", "host", "query", "field", "text", "header", "nothing-near"],
)  # fmt: skip
def test_a_miss_is_explained(
    mock: Make,
    request_of: Make,
    recorded: dict[str, Any],
    sent: dict[str, Any],
    expected: Phase,
    paths: list[str],
):
    """A miss named the wrong step, or not what differs."""
    book = MockBook([mock(**recorded)])
    found = book.answer(request_of(**sent), 0)
    assert isinstance(found, Miss)
    assert found.explanation.phase is expected
    assert [one.path for one in found.explanation.differences] == paths
    assert found.explanation.next_move
    assert (found.response.status, found.action) == (502, "fail")
    first, second, *_ = found.response.body.decode().splitlines()
    assert first == "keploy: no matching mock found for this HTTP request"
    assert second.startswith("no mock answers ")


def test_the_nearest_mock_is_named(mock: Make, request_of: Make):
    """A miss was compared with a mock that has less in common."""
    mocks = [
        mock("/a", '{"x":1,"y":1,"z":1}', name="far"),
        mock("/a", '{"x":2,"y":2,"z":1}', name="near"),
    ]
    book = MockBook(mocks, rules=BookRules(ChoiceRules(similar_from=None)))
    found = book.answer(request_of("/a", '{"x":2,"y":2,"z":2}'), 0)
    assert isinstance(found, Miss)
    assert found.explanation.nearest == "near"
    assert "nearest is near (GET api.shop.test/a), lost by its body" in str(found.explanation)


def test_an_explanation_does_not_hold_whole_bodies(mock: Make, request_of: Make):
    """A thousand misses kept a thousand large bodies."""
    book = MockBook([mock("/a", json.dumps({"data": ["x"] * 10_000}))])
    found = book.answer(request_of("/a", json.dumps({"data": "y" * 100_000})), 0)
    assert isinstance(found, Miss)
    assert len(found.response.body) < 1000
    (difference,) = found.explanation.differences
    assert max(len(difference.expected), len(difference.actual)) < 200


def test_secrets_do_not_get_into_an_explanation(mock: Make, request_of: Make):
    """The answer to a miss had a key in it."""
    book = MockBook([mock("/a?api_key=one", '{"password":"two"}')])
    found = book.answer(request_of("/a?api_key=three", '{"password":"four"}'), 0)
    assert isinstance(found, Miss)
    for secret in (b"one", b"two", b"three", b"four"):
        assert secret not in found.response.body


@pytest.mark.parametrize("action", ["fail", "passthrough", "record"])
def test_a_miss_says_what_to_do(request_of: Make, action: Any):
    """The action for misses was lost."""
    book = MockBook([], rules=BookRules(on_miss=action))
    found = book.answer(request_of("/"), 7)
    assert isinstance(found, Miss)
    assert (found.action, found.at, book.misses) == (action, 7, (found,))


@pytest.mark.parametrize("rules", [{"on_miss": "ignore"}], ids=str)
def test_an_unknown_action_is_refused(rules: dict[str, Any]):
    """A misspelt action was taken for another."""
    with pytest.raises(ValueError, match="on_miss must be"):
        BookRules(**rules)


@pytest.mark.parametrize(
    "rules", [{"similar_from": 0}, {"similar_from": 1.1}, {"when_used_up": "x"}]
)
def test_rules_out_of_range_are_refused(rules: dict[str, Any]):
    """A threshold that answers anything was accepted."""
    with pytest.raises(ValueError, match="must be"):
        ChoiceRules(**rules)


def test_what_was_used_is_told(mock: Make, request_of: Make):
    """A mock that was not used was not listed, or one that cannot be served was dropped."""
    postgres = Mock({"kind": "Postgres", "name": "db-1", "spec": {}})
    cut = mock("/c", name="cut", response={"body": "", "body_skipped": True, "body_size": 9})
    damaged = Mock({"kind": "Http", "name": "bad", "spec": {"req": [], "resp": {}}})
    wrong_noise = mock("/n", name="noisy", noise={"req": "at"})
    wrong_pattern = mock("/n", name="unclosed", noise={"value": ["("]})
    mocks = [
        mock("/a", name="a"),
        mock("/b", name="b"),
        postgres,
        cut,
        damaged,
        wrong_noise,
        wrong_pattern,
    ]
    book = MockBook(mocks)
    for target in ("/a", "/a", "/n"):
        book.answer(request_of(target), 0)
    usage = book.usage()
    assert (usage.used, usage.unused, usage.overused) == (("a",), ("b",), {"a": 2})
    assert usage.unserved == {"Postgres": ("db-1",)}
    assert list(usage.damaged) == ["cut", "bad", "noisy", "unclosed"]
    assert (usage.missed, len(usage.misses), len(book)) == (1, 1, 2)


def test_two_mocks_of_one_name_are_both_used(mock: Make, request_of: Make):
    """A name that comes twice made one mock replace the other."""
    book = MockBook([mock("/a", name="m", answer="1"), mock("/a", name="m", answer="2")])
    bodies = [book.answer(request_of("/a"), 0).response.body for _ in range(2)]
    assert bodies == [b"1", b"2"]


def test_misses_do_not_pile_up(request_of: Make):
    """An app that polls for hours filled the memory with its misses."""
    book = MockBook([])
    for _ in range(1200):
        book.answer(request_of("/poll"), 0)
    assert (len(book.misses), book.usage().missed) == (1000, 1200)


def test_polling_costs_the_same_at_the_end(mock: Make, request_of: Make):
    """Of many equal mocks each call looked at all that were used."""
    mocks = [mock("/p", name=str(number), at=number) for number in range(2000)]
    book = MockBook(mocks, mapped={f"t{number}": [str(number)] for number in range(2000)})
    names: list[str | None] = []
    for number in range(2000):
        book.begin(f"t{number}")
        names.append(given(book, request_of("/p")))
        book.end(f"t{number}")
    assert names == [str(number) for number in range(2000)]
