"""What was set up is undone in time, whatever one part of it does."""

from __future__ import annotations

import logging
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from observability_integration import (
    initialize_observability,
    running,
    shutdown_observability,
)
from observability_integration.options import read_options
from observability_integration.running import DELIVERY_SECONDS, Delivery, Running
from tta_dev_primitives import LambdaPrimitive

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """A clock that stands still unless a part takes its time."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(running, "time", clock)
    return clock


def taking(
    clock: Clock, given: list[float], seconds: float | None = None
) -> Callable[[float], None]:
    """A part that takes so long, or all it may, to deliver."""

    def close(timeout_seconds: float) -> None:
        given.append(timeout_seconds)
        clock.now += timeout_seconds if seconds is None else seconds

    return close


def test_parts_that_hang_take_two_seconds_together(clock: Clock) -> None:
    """Spans, metrics and the user's meters each wait two seconds for the same dead collector."""
    setup, given = Running(), list[float]()
    setup.closers = [Delivery(taking(clock, given)) for _ in range(3)]
    setup.close()
    assert sum(given) == pytest.approx(DELIVERY_SECONDS)
    assert given[0] == pytest.approx(DELIVERY_SECONDS / 3)
    assert clock.now == pytest.approx(100 + DELIVERY_SECONDS)


def test_a_quick_part_leaves_its_time_to_the_others(clock: Clock) -> None:
    """Half of the time is kept for parts that are done already."""
    setup, given = Running(), list[float]()
    setup.closers = [
        Delivery(taking(clock, given)),
        Delivery(taking(clock, given, seconds=0.0)),
    ]
    setup.close()
    assert given == pytest.approx([DELIVERY_SECONDS / 2, DELIVERY_SECONDS])


def test_a_part_that_takes_too_long_leaves_none(clock: Clock) -> None:
    """A part is given less than no time, which some take for for ever."""
    setup, given = Running(), list[float]()
    setup.closers = [
        Delivery(taking(clock, given)),
        Delivery(taking(clock, given, seconds=9.0)),
    ]
    setup.close()
    assert given[1] == 0.0


def test_a_part_that_fails_does_not_keep_the_others(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """One exporter that raises at the end loses what the others have."""
    setup, given = Running(), list[float]()

    def fail(timeout_seconds: float) -> None:
        raise OSError("no")

    setup.closers = [Delivery(taking(clock, given)), Delivery(fail), lambda: given.append(-1.0)]
    setup.close()
    assert given == [-1.0, pytest.approx(DELIVERY_SECONDS)]
    assert "could not be shut down" in caplog.text


@pytest.mark.usefixtures("fresh")
def test_a_collector_that_hangs_is_given_up_after_two_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The app waits four or six seconds at its end for a collector that does not answer."""
    before = set(threading.enumerate())
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert initialize_observability(
            otlp_endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}", prometheus_port=0
        )
        LambdaPrimitive(str, name="ask").run("hi")
        began = time.monotonic()
        shutdown_observability()
        assert time.monotonic() - began < 3.0  # two, and what a busy machine takes
    for thread in set(threading.enumerate()) - before:
        thread.join(20)  # its connection is gone now
    assert "spans to" in caplog.text
    assert "metrics to" in caplog.text
    assert "could not be delivered before the end" in caplog.text


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp,console"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, True),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
                "OTEL_TRACES_EXPORTER": "none",
            },
            False,
        ),
    ],
    ids=["nothing", "named", "named-among-others", "another", "address", "address-and-none"],
)
def test_when_a_collector_is_wanted(variables: dict[str, str], wanted: bool) -> None:
    """`OTEL_TRACES_EXPORTER=otlp` alone sends nothing to the standard's default address."""
    options = read_options(
        service_name="shop",
        service_version="1",
        exporters=(),
        sample_ratio=None,
        capture_content=None,
        span_level="primitive",
        resource=None,
        schema="1.41",
        environ=variables,
    )
    assert options.wants_otlp(variables) is wanted


@pytest.mark.usefixtures("fresh")
def test_a_wrong_resource_is_told_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """A number in place of attributes raises into the app."""
    wrong: dict[str, object] = 5  # type: ignore[assignment] # pyright: ignore[reportAssignmentType]
    with caplog.at_level(logging.WARNING):
        assert initialize_observability(prometheus_port=0, resource=wrong)
    assert "resource must be a mapping of attributes, got 5" in caplog.text
