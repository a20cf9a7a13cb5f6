"""When a server that is away is asked again, on a fake clock."""

from __future__ import annotations

import logging

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.redis.outage import Outage, doubling_pause
from tta_dev_primitives.testing import FakeClock


@pytest.fixture
def outage(clock: FakeClock) -> Outage:
    return Outage("no", "yes", 1.5, clock, lambda attempt: 2.0**attempt)


def refused(outage: Outage) -> bool:
    try:
        outage.admit()
    except StoreError as error:
        return error.reported
    return False


def test_calls_fail_at_once_until_the_pause_is_over(outage: Outage, clock: FakeClock) -> None:
    outage.failed(outage.admit(), "why")
    clock.advance(0.99)
    assert refused(outage)
    clock.advance(0.01)
    assert not refused(outage)


def test_one_call_looks_and_the_others_go_on_failing(outage: Outage, clock: FakeClock) -> None:
    outage.failed(outage.admit(), "why")
    clock.advance(1.0)
    assert [refused(outage) for _ in range(3)] == [False, True, True]


def test_pause_grows_with_every_failure(outage: Outage, clock: FakeClock) -> None:
    outage.failed(outage.admit(), "why")
    pauses: list[float] = []
    for _ in range(4):
        began = clock.monotonic()
        while refused(outage):
            clock.advance(0.25)
        pauses.append(clock.monotonic() - began)
        outage.failed(outage._permit, "still")
    assert pauses == [1.0, 2.0, 4.0, 8.0]


def test_success_of_the_one_that_looked_ends_it(outage: Outage, clock: FakeClock) -> None:
    outage.failed(outage.admit(), "why")
    clock.advance(1.0)
    outage.worked(outage.admit())
    assert [refused(outage) for _ in range(3)] == [False] * 3


def test_look_that_is_never_heard_of_again_only_delays_the_next(
    outage: Outage, clock: FakeClock
) -> None:
    """Its caller was cancelled."""
    outage.failed(outage.admit(), "why")
    clock.advance(1.0)
    outage.admit()
    clock.advance(3.49)
    assert refused(outage)
    clock.advance(0.01)
    assert not refused(outage)


def test_late_news_from_before_change_nothing(outage: Outage, clock: FakeClock) -> None:
    """Two connections break one after the other, and an answer is still in the pipe of one."""
    before = [outage.admit() for _ in range(3)]
    outage.failed(before[0], "why")
    outage.worked(before[1])
    assert refused(outage)
    clock.advance(1.0)
    outage.worked(outage.admit())
    assert isinstance(outage.failed(before[2], "late"), StoreError)
    assert not refused(outage)


def test_one_warning_and_one_line_of_relief(
    outage: Outage, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    permits = [outage.admit() for _ in range(3)]
    for permit in permits:
        outage.failed(permit, "why")
    for _ in range(3):
        clock.advance(100)
        outage.failed(outage.admit(), "still")
    clock.advance(100)
    outage.worked(outage.admit())
    outage.worked(outage.admit())
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "no: why; the cache goes on without it"),
        ("INFO", "yes"),
    ]


def test_next_outage_is_reported_again(
    outage: Outage, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        outage.failed(outage.admit(), "why")
        clock.advance(100)
        outage.worked(outage.admit())
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 2


def test_child_process_begins_anew(outage: Outage) -> None:
    outage.failed(outage.admit(), "why")
    outage._lock.acquire()  # by a thread that the child does not have
    outage.forget()
    assert not refused(outage)


def test_usual_pause_doubles_from_a_tenth_to_five_seconds() -> None:
    for attempt, longest in [(0, 0.1), (1, 0.2), (5, 3.2), (6, 5.0), (2000, 5.0)]:
        drawn = [doubling_pause(attempt) for _ in range(100)]
        assert longest / 2 <= min(drawn) < max(drawn) <= longest
