"""Recorded sets are run against a real app."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keploy_framework.errors import KeployPathError
from keploy_framework.exchange import Exchange, Request, Response
from keploy_framework.formats import KeployTree
from keploy_framework.process import AppProcess, Readiness, StopSignal, wait_until_ready
from keploy_framework.process.ports import answering_host
from keploy_framework.record.set_writer import SetWriter, WriteRules
from keploy_framework.replay.options import ReplayOptions
from keploy_framework.replay.outcomes import RunOutcome, SetStatus
from keploy_framework.replay.run import Replay
from keploy_framework.test_runner import CaseStatus, KeployTestRunner

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="needs /proc")

SECOND = 1_000_000_000
JSON = (("Content-Type", "application/json"),)


class Book:
    """Writes sets as if they had been recorded at the app's port."""

    def __init__(self, tree: KeployTree, port: int) -> None:
        self.tree = tree
        self._host = f"127.0.0.1:{port}"
        self._at = 1_790_000_000 * SECOND

    def write(
        self, *calls: tuple[str, str, int, object], test_set: str = "test-set-0", mocks: object = ()
    ) -> None:
        rules = WriteRules(naming="sequential", auto_noise=False)
        writer = SetWriter(self.tree.test_set(test_set), rules)
        for method, target, status, data in calls:
            asked = b'{"name": "kettle"}' if method == "POST" else b""
            writer.test(self._exchange(self._host, method, target, status, data, asked))
        for url, data in mocks:  # type: ignore[attr-defined]
            host, _, path = url.partition("://")[2].partition("/")
            self._at -= SECOND
            mock = self._exchange(host, "GET", f"/{path}", 200, data)
            writer.mock(replace(mock, began=mock.began + SECOND // 10))
        writer.flush()

    def _exchange(
        self, host: str, method: str, target: str, status: int, data: object, asked: bytes = b""
    ) -> Exchange:
        self._at += SECOND
        body = json.dumps(data).encode()
        headers = (("Host", host), *(JSON if asked else ()))
        request = Request(method, target, headers, asked, "http", host)
        response = Response(status, "", JSON, body, (), len(body))
        return Exchange(request, response, self._at, self._at + SECOND // 2)


@pytest.fixture
def book(tree: KeployTree, app_port: int) -> Book:
    return Book(tree, app_port)


NOISE = {"header": {"Server": [], "Date": []}}
ITEM = {"id": 1, "name": "kettle"}


def options(command: str, **given: object) -> ReplayOptions:
    noise = {"global": {"header": {"*": ["*"]}}, "test-sets": {}}
    values = {"noise": noise, "ready": Readiness(seconds=20), **given}
    return ReplayOptions(command, **values)  # type: ignore[arg-type]


async def run(tree: KeployTree, given: ReplayOptions, **environment: str) -> RunOutcome:
    stop = StopSignal()
    replay = Replay(tree, given, stop, environment={**os.environ, **environment})
    async with asyncio.timeout(40):
        return await replay.run()


def statuses(outcome: RunOutcome) -> list[tuple[str, str]]:
    return [(test.name, str(test.status)) for test in outcome.tests]


async def test_tests_run_in_their_order_against_a_fresh_app(
    book: Book, app_command: str, app_port: int
) -> None:
    """A list was asked for before the item in it was made; the next set saw it still."""
    for name in ("b", "a"):
        book.write(("POST", "/items", 201, ITEM), ("GET", "/items", 200, [ITEM]), test_set=name)
    outcome = await run(book.tree, options(app_command))
    assert [one.name for one in outcome.sets] == ["b", "a"], "in the order they were recorded"
    assert outcome.passed
    assert outcome.results().pass_rate == 100
    assert await answering_host(app_port) is None


async def test_a_difference_fails_its_test_alone(book: Book, app_command: str) -> None:
    """A change of the app went unseen, or spoilt the tests after it."""
    book.write(
        ("GET", "/version", 200, {"version": "1"}),
        ("GET", "/items", 200, []),
    )
    outcome = await run(book.tree, options(app_command), APP_VERSION="2")
    assert statuses(outcome) == [("test-1", "FAILED"), ("test-2", "PASSED")]
    assert outcome.sets[0].status is SetStatus.FAILED
    assert "body.version" in outcome.tests[0].detail
    assert not outcome.passed


async def test_one_start_serves_all_sets_where_that_is_wished(book: Book, app_command: str) -> None:
    """--keep-app-alive started the app anew."""
    book.write(("POST", "/items", 201, ITEM), test_set="a")
    book.write(("GET", "/items", 200, [ITEM]), test_set="b")
    outcome = await run(book.tree, options(app_command, keep_app_alive=True))
    assert outcome.passed


async def test_calls_are_answered_from_mocks_and_no_socket_leads_out(
    book: Book, app_command: str, dependency: Callable[[], list[str]]
) -> None:
    """A replay called the real server."""
    url = f"{dependency()[0]}/call"
    book.write(
        ("GET", "/dependency", 200, {"said": {"from": "mock"}}), mocks=[(url, {"from": "mock"})]
    )
    outcome = await run(book.tree, options(app_command), DEPENDENCY_URL=url)
    assert outcome.passed
    assert dependency()[1:] == []
    assert outcome.sets[0].usage is not None
    assert outcome.sets[0].usage.used == ("mock-0",)


async def test_a_miss_is_explained_where_it_happened(
    book: Book, app_command: str, dependency: Callable[[], list[str]]
) -> None:
    """A test failed for a missing mock, and the report did not say so."""
    url = dependency()[0]
    book.write(
        ("GET", "/items", 200, []),
        ("GET", "/dependency", 200, {"said": 1}),
        mocks=[(f"{url}/other", 1)],
    )
    outcome = await run(book.tree, options(app_command), DEPENDENCY_URL=f"{url}/call")
    first, second = outcome.tests
    assert (first.misses, first.passed) == ((), True)
    assert second.status is CaseStatus.FAILED
    assert second.actual is not None
    assert json.loads(second.actual.body) == {"dependency": 502}
    assert second.misses[0].nearest == "mock-0"
    assert dependency()[1:] == []


async def test_a_crash_ends_the_set_and_says_how(book: Book, app_command: str) -> None:
    """After a crash of the app every test waited for its timeout, and nobody said why."""
    book.write(("GET", "/items", 200, []), ("GET", "/crash", 200, {}), ("GET", "/items", 200, []))
    outcome = await run(book.tree, options(app_command))
    (one,) = outcome.sets
    assert one.status is SetStatus.APP_FAULT
    assert [test.status for test in one.tests] == ["PASSED", "FAILED", "FAILED"]
    assert "ended with 7" in one.detail
    assert one.app_lines[-1] == "the app has had enough"
    assert outcome.app_failed


async def test_a_crash_in_the_last_test_is_seen(book: Book, app_command: str) -> None:
    """A crash in the last test counted as a failed test."""
    book.write(("GET", "/crash", 200, {}))
    outcome = await run(book.tree, options(app_command))
    assert outcome.sets[0].status is SetStatus.APP_FAULT


async def test_an_app_that_never_starts_fails_every_test(book: Book) -> None:
    """A run whose app could not start passed with no test."""
    import sys

    book.write(("GET", "/items", 200, []))
    outcome = await run(book.tree, options(f"{sys.executable} -c 'raise SystemExit(4)'"))
    assert outcome.sets[0].status is SetStatus.APP_FAULT
    assert statuses(outcome) == [("test-1", "FAILED")]
    assert "ended with 4" in outcome.sets[0].detail


async def test_a_taken_port_is_told_before_the_app_starts(
    book: Book, app_command: str, app_port: int
) -> None:
    """Tests ran against another program that had the app's port."""
    book.write(("GET", "/items", 200, []))
    with socket.create_server(("127.0.0.1", app_port)):
        outcome = await run(book.tree, options(app_command))
    assert outcome.sets[0].status is SetStatus.APP_FAULT
    assert f"port {app_port} is taken" in outcome.sets[0].detail


async def test_a_slow_answer_fails_and_the_run_goes_on(book: Book, app_command: str) -> None:
    """One test that hangs hung the run."""
    book.write(("GET", "/slow", 200, {}), ("GET", "/items", 200, []))
    outcome = await run(book.tree, options(app_command, timeout_seconds=0.2))
    assert statuses(outcome) == [("test-1", "FAILED"), ("test-2", "PASSED")]
    assert "0.2 s" in outcome.tests[0].detail


async def test_an_app_that_is_stuck_is_given_up(book: Book, app_command: str) -> None:
    """A stuck app cost the timeout of each of a thousand tests."""
    book.write(*[("GET", "/slow", 200, {})] * 5)
    given = options(app_command, timeout_seconds=0.1, most_failures=2)
    outcome = await run(book.tree, given)
    assert outcome.sets[0].status is SetStatus.APP_FAULT
    assert [bool(test.began) for test in outcome.tests] == [True, True, False, False, False]


async def test_a_damaged_file_fails_the_run(book: Book, app_command: str) -> None:
    """A test that could not be read was passed over."""
    book.write(("GET", "/items", 200, []))
    (book.tree.root / "test-set-0/tests/test-9.yaml").write_text("kind: [")
    outcome = await run(book.tree, options(app_command))
    assert statuses(outcome) == [("test-1", "PASSED"), ("test-9", "FAILED")]
    assert not outcome.passed


async def test_a_secret_that_differs_passes(book: Book, app_command: str) -> None:
    """A test failed as the app gave another token than when it was recorded."""
    book.write(("GET", "/login", 200, {"token": "ghp_" + "a1b2" * 9}))
    outcome = await run(book.tree, options(app_command))
    (test,) = outcome.tests
    assert test.passed, test.detail
    assert test.actual is not None
    assert b"redacted-" in test.actual.body


async def test_templates_are_learned_and_used(book: Book, app_command: str) -> None:
    """A value of one answer could not be used in the next request."""
    book.write(("POST", "/items", 201, ITEM), ("GET", "/{{int .id}}", 404, {"error": "not found"}))
    recorded = book.tree.test_set("test-set-0")
    first = recorded.tests()[0]
    first.data["spec"]["resp"]["body"] = '{"id": {{int .id}}, "name": "kettle"}'
    recorded.write_test(first)
    outcome = await run(book.tree, options(app_command, update_templates=True))
    assert outcome.passed, [test.detail for test in outcome.tests]
    assert outcome.tests[1].request is not None
    assert outcome.tests[1].request.target == "/1"
    assert recorded.config().template == {"id": 1}


async def test_chosen_and_ignored_tests(book: Book, app_command: str) -> None:
    """test.ignoredTests were run, and counted as failures."""
    for name in ("a", "b"):
        book.write(("GET", "/items", 200, []), ("GET", "/items", 500, {}), test_set=name)
    given = options(
        app_command,
        selected={"a": frozenset({"test-1", "test-2"})},
        ignored={"a": frozenset({"test-2"})},
    )
    outcome = await run(book.tree, given)
    assert statuses(outcome) == [("test-1", "PASSED"), ("test-2", "IGNORED")]
    assert outcome.passed


@pytest.mark.parametrize("name", ["missing", "../outside", "/etc"])
async def test_a_set_that_is_none_is_refused(book: Book, app_command: str, name: str) -> None:
    """keploy test -t mistyped passed with no test."""
    book.write(("GET", "/items", 200, []))
    with pytest.raises(KeployPathError):
        await run(book.tree, options(app_command, test_sets=(name,)))


async def test_nothing_to_run_is_no_success(tree: KeployTree, app_command: str) -> None:
    """A run of an empty folder was green."""
    outcome = await run(tree, options(app_command))
    assert outcome.sets == ()
    assert not outcome.passed


async def test_stop_is_reported_as_such(book: Book, app_command: str) -> None:
    """Ctrl-C in a run was reported as a pass."""
    book.write(("GET", "/items", 200, []), ("GET", "/items", 200, []))
    stop = StopSignal()
    replay = Replay(
        book.tree, options(app_command), stop, on_test=lambda _: stop.set(), environment=os.environ
    )
    outcome = await replay.run()
    assert outcome.sets[0].status is SetStatus.USER_ABORT
    assert [test.status for test in outcome.tests] == ["PASSED", "FAILED"]
    assert not outcome.passed


async def test_a_running_api_is_tested_where_it_is(
    book: Book, app_command: str, app_port: int
) -> None:
    """The 0.1 runner invented its results."""
    book.write(("GET", "/items", 200, []), ("GET", "/version", 200, {"version": "0"}))
    async with AppProcess(app_command, environment=os.environ) as app:
        await wait_until_ready(app, Readiness(app_port, seconds=20))
        runner = KeployTestRunner(
            f"http://127.0.0.1:{app_port}", keploy_dir=book.tree.root, timeout=5
        )
        results = await runner.run_async()
        assert app.is_alive
    assert (results.total, results.test_cases[1].name) == (2, "test-2")
    assert "body.version" in results.test_cases[1].detail


async def test_a_stream_is_compared_by_its_events(book: Book, app_command: str) -> None:
    """A test of server-sent events waited for the end of a stream that has none."""
    events = "".join(f"data: {number}\\n\\n" for number in range(3))
    book.write(("GET", "/events", 200, 0), ("GET", "/endless", 200, 0), ("GET", "/events", 200, 0))
    recorded = book.tree.test_set("test-set-0")
    for case in recorded.tests():
        said = events.replace("1", "9") if case.name == "test-3" else events
        case.data["spec"]["resp"] |= {
            "header": {"Content-Type": "text/event-stream"},
            "body": said.replace("\\n", "\n"),
        }
        recorded.write_test(case)
    outcome = await run(book.tree, options(app_command))
    assert [test.status for test in outcome.tests] == ["PASSED", "PASSED", "FAILED"]


async def test_a_kind_that_cannot_be_replayed_is_ignored_aloud(
    book: Book, app_command: str
) -> None:
    """A gRPC test ended the run, or counted as passed."""
    book.write(("GET", "/items", 200, []), ("GET", "/items", 200, []))
    recorded = book.tree.test_set("test-set-0")
    second = recorded.tests()[1]
    second.data["kind"] = "gRPC"
    recorded.write_test(second)
    outcome = await run(book.tree, options(app_command))
    assert [test.status for test in outcome.tests] == ["PASSED", "IGNORED"]
    assert "gRPC" in outcome.tests[1].detail
    assert outcome.passed


async def test_a_request_that_cannot_be_read_fails_its_test(book: Book, app_command: str) -> None:
    """A test whose upload was deleted ended the run."""
    book.write(("GET", "/items", 200, []), ("GET", "/items", 200, []))
    recorded = book.tree.test_set("test-set-0")
    first = recorded.tests()[0]
    first.data["spec"]["req"]["body_ref"] = {"path": "test-set-0/assets/gone.txt", "size": 9}
    recorded.write_test(first)
    outcome = await run(book.tree, options(app_command))
    assert [test.status for test in outcome.tests] == ["FAILED", "PASSED"]
    assert "gone.txt" in outcome.tests[0].detail


async def test_a_packed_answer_is_compared_unpacked(book: Book, app_command: str) -> None:
    """A gzip answer never equalled what was recorded of it."""
    book.write(("GET", "/gzip", 200, {"packed": True}), ("GET", "/gzip", 200, {"packed": False}))
    outcome = await run(book.tree, options(app_command))
    assert [test.status for test in outcome.tests] == ["PASSED", "FAILED"]


async def test_without_mocking_calls_reach_the_real_server(
    book: Book, app_command: str, dependency: Callable[[], list[str]]
) -> None:
    """--no-mocking still answered from mocks."""
    url = f"{dependency()[0]}/call"
    book.write(("GET", "/dependency", 200, {"said": {"number": 1}}), mocks=[(url, {"number": 7})])
    outcome = await run(book.tree, options(app_command, mocking=False), DEPENDENCY_URL=url)
    assert outcome.passed
    assert dependency()[1:] == ["/call"]


@pytest.mark.parametrize("url", ["api.test", "ftp://api.test", ""])
async def test_a_base_url_that_is_none_fails(book: Book, url: str) -> None:
    """A mistyped --base-path ended with a traceback."""
    book.write(("GET", "/items", 200, []))
    given = replace(options(""), base_url=url or "x")
    outcome = await run(book.tree, given)
    assert outcome.sets[0].status is SetStatus.APP_FAULT
