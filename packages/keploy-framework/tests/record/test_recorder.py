"""Everything that was taken is written, and what cannot be is counted."""

from __future__ import annotations

import threading

import pytest

from keploy_framework.exchange import Exchange, Request, Response
from keploy_framework.formats import KeployTree
from keploy_framework.record.recorder import Recorder
from keploy_framework.record.set_writer import SetWriter, WriteRules
from keploy_framework.wire import Unrecorded


def exchange(size: int = 2) -> Exchange:
    body = b"x" * size
    request = Request("GET", "/items", (), b"", "http", "127.0.0.1:8000")
    return Exchange(request, Response(200, "OK", (), body, (), size), 10**18, 10**18 + 1)


class HeldWriter(SetWriter):
    """Writes when it is let, or raises what it is given."""

    def __init__(self, tree: KeployTree, error: Exception | None = None) -> None:
        super().__init__(tree.test_set("test-set-0"), WriteRules())
        self.may_write = threading.Event()
        self.error = error

    def test(self, exchange: Exchange) -> str:
        assert self.may_write.wait(10)
        if self.error is not None:
            raise self.error
        return super().test(exchange)


async def test_leaving_writes_all_that_waits(tree: KeployTree) -> None:
    """Ctrl-C lost the last calls."""
    writer = SetWriter(tree.test_set("test-set-0"), WriteRules())
    async with Recorder(writer) as recorder:
        for _ in range(50):
            recorder.test(exchange())
        recorder.mock(exchange())
    recorded = tree.test_set("test-set-0")
    assert (len(recorded.tests()), len(recorded.mocks())) == (50, 1)
    assert (recorder.summary().tests, recorder.summary().mocks) == (50, 1)


@pytest.mark.parametrize(
    ("bound", "kept"),
    [({"most_waiting": 3}, {3, 4}), ({"most_waiting_bytes": 300}, {3})],
    ids=["number", "bytes"],
)
async def test_a_full_queue_loses_and_counts(
    tree: KeployTree, bound: dict[str, int], kept: set[int]
) -> None:
    """A slow disk made the recorder eat all memory, or stopped the app."""
    writer = HeldWriter(tree)
    async with Recorder(writer, **bound) as recorder:
        for _ in range(10):
            recorder.test(exchange(100))
        writer.may_write.set()
    summary = recorder.summary()
    assert summary.tests in kept
    assert summary.lost == {"queue-full": 10 - summary.tests}


async def test_a_disk_that_refuses_is_told(tree: KeployTree) -> None:
    """A full disk lost tests without a word."""
    writer = HeldWriter(tree, OSError(28, "no space left"))
    writer.may_write.set()
    async with Recorder(writer) as recorder:
        recorder.test(exchange())
    assert recorder.failure is writer.error
    assert recorder.summary().lost == {"not-written": 1}


async def test_one_odd_exchange_does_not_end_the_recording(tree: KeployTree) -> None:
    """One call that could not be written ended the recording, its text in the log."""
    writer = HeldWriter(tree, RuntimeError("with a secret"))
    writer.may_write.set()
    async with Recorder(writer) as recorder:
        recorder.test(exchange())
        recorder.mock(exchange())
    assert recorder.summary().lost == {"fault RuntimeError": 1}
    assert recorder.summary().mocks == 1


async def test_a_test_whose_call_was_lost_is_named(tree: KeployTree) -> None:
    """A test was shipped without its mock, and failed on every other machine."""
    writer = SetWriter(tree.test_set("test-set-0"), WriteRules())
    async with Recorder(writer) as recorder:
        recorder.test(exchange())
        recorder.unrecorded_call(Unrecorded("refused", "the server is down", 10**18))
    assert recorder.summary().incomplete == {"get-items-1": "the server is down"}
    metadata = tree.test_set("test-set-0").config().metadata
    assert metadata["incomplete"] == {"get-items-1": "the server is down"}
