"""What becomes of a call that no mock answers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest

from keploy_framework.exchange import Exchange, Request, Response
from keploy_framework.formats import KeployTree
from keploy_framework.mocks.book import BookRules
from keploy_framework.mocks.outcomes import OnMiss
from keploy_framework.process import Readiness, StopSignal
from keploy_framework.record.set_writer import SetWriter, WriteRules
from keploy_framework.replay.options import ReplayOptions
from keploy_framework.replay.outcomes import RunOutcome
from keploy_framework.replay.run import Replay

SECOND = 10**9
BEGAN = 1_790_000_000 * SECOND
JSON = (("Content-Type", "application/json"),)


def record_one(tree: KeployTree, port: int, answer: bytes) -> None:
    host = f"127.0.0.1:{port}"
    request = Request("GET", "/dependency", (("Host", host),), host=host)
    response = Response(200, "", JSON, answer, (), len(answer))
    writer = SetWriter(tree.test_set("test-set-0"), WriteRules(auto_noise=False))
    writer.test(Exchange(request, response, BEGAN, BEGAN + SECOND))
    writer.flush()


async def replay(tree: KeployTree, command: str, on_miss: OnMiss, url: str) -> RunOutcome:
    options = ReplayOptions(
        command,
        ready=Readiness(seconds=20),
        mocks=BookRules(on_miss=on_miss),
        noise={"global": {"header": {"*": ["*"]}}, "test-sets": {}},
    )
    environment = {**os.environ, "DEPENDENCY_URL": url}
    async with asyncio.timeout(40):
        return await Replay(tree, options, StopSignal(), environment=environment).run()


@pytest.mark.parametrize(
    ("on_miss", "passes", "asked", "mocks"),
    [
        ("fail", False, [], []),
        ("passthrough", True, ["/call"], []),
        ("record", True, ["/call"], ["/call"]),
    ],
    ids=["fail", "passthrough", "record"],
)
async def test_a_miss_is_dealt_with_as_it_was_asked_for(
    tree: KeployTree,
    app_port: int,
    app_command: str,
    dependency: Callable[[], list[str]],
    on_miss: OnMiss,
    passes: bool,
    asked: list[str],
    mocks: list[str],
) -> None:
    """A new call of the app could not be had without recording the whole set again."""
    record_one(tree, app_port, b'{"said": {"number": 1}}')
    url = f"{dependency()[0]}/call"
    outcome = await replay(tree, app_command, on_miss, url)
    assert outcome.passed is passes
    assert dependency()[1:] == asked
    assert [mock.request.target for mock in tree.test_set("test-set-0").mocks()] == mocks


async def test_what_was_recorded_at_a_miss_answers_the_next_run(
    tree: KeployTree, app_port: int, app_command: str, dependency: Callable[[], list[str]]
) -> None:
    """The new mock was there and did not match."""
    record_one(tree, app_port, b'{"said": {"number": 1}}')
    url = f"{dependency()[0]}/call"
    await replay(tree, app_command, "record", url)
    outcome = await replay(tree, app_command, "fail", url)
    assert outcome.passed
    assert dependency()[1:] == ["/call"]


async def test_a_server_that_is_gone_is_a_bad_gateway(
    tree: KeployTree, app_port: int, app_command: str
) -> None:
    """The app hung, or its run ended with a traceback."""
    record_one(tree, app_port, b'{"dependency": 502}')
    outcome = await replay(tree, app_command, "passthrough", "http://127.0.0.1:9/call")
    (test,) = outcome.tests
    assert test.actual is not None
    assert b'"dependency": 502' in test.actual.body
