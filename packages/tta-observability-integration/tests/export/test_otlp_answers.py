"""What answers mean, and how long to wait."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from observability_integration.export.delivery_answers import (
    BackOff,
    rejected_items,
    retry_after_seconds,
)

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 400, 999_999_999.0),
        ("-5", 0.0),
        ("1.5", 0.0),
        ("tomorrow", 0.0),
        ("²", 0.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", 0.0),
    ],
    ids=str,
)
def test_the_wait_that_is_asked_for_is_read(header: str | None, seconds: float) -> None:
    """A header from a server raises, or makes a wait that nobody asked for."""
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text(max_size=40))
def test_any_header_is_some_wait(header: str) -> None:
    """A header from a server raises something that nobody expects."""
    assert 0 <= retry_after_seconds(header, NOW) < float("inf")


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.text(alphabet="ab", max_size=9))
def test_rejected_items_are_read(rejected: int, message: str) -> None:
    """Spans that a collector refused count as exported."""
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    body = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    assert rejected_items(body) == max(0, rejected)


@given(st.binary(max_size=60))
def test_any_body_rejects_some_number(body: bytes) -> None:
    """A body from a server raises something that nobody expects."""
    assert rejected_items(body) >= 0


@pytest.mark.parametrize(
    ("chance", "delays"),
    [
        (0.0, [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]),
        (1.0, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]),
    ],
)
def test_waits_double_up_to_a_limit(chance: float, delays: list[float]) -> None:
    """A collector in trouble is asked more often than it can bear, or hardly ever again."""
    back_off = BackOff(lambda: chance)
    assert [back_off.next_delay(0) for _ in delays] == delays
    for _ in range(2_000):
        assert back_off.next_delay(0) == delays[-1]
    back_off.reset()
    assert back_off.next_delay(0) == delays[0]


@given(st.floats(0, 300), st.floats(0, 1, exclude_max=True), st.integers(1, 10))
def test_a_wait_is_never_shorter_than_asked(asked: float, chance: float, failures: int) -> None:
    """Retry-After is not honoured."""
    back_off = BackOff(lambda: chance)
    for _ in range(failures):
        delay = back_off.next_delay(asked)
        assert asked <= delay <= max(asked * 1.1, 30.0)
