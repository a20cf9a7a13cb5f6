"""Times of recordings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.errors import KeployFormatError
from keploy_framework.formats import PlainText, format_time, parse_time

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-01-22T10:54:02.882421038Z", 1769079242 * SECOND + 882421038),
        ("2026-01-22T16:24:02.7012879+05:30", 1769079242 * SECOND + 701287900),
        ("2026-01-22T05:24:02-05:30", 1769079242 * SECOND),
        ("2026-01-22 10:54:02z", 1769079242 * SECOND),
        ("2026-01-22T10:54:02.8824210389Z", 1769079242 * SECOND + 882421038),
        ("2024-02-29T23:59:60Z", 1709251200 * SECOND),
        ("1969-12-31T23:59:59.5Z", -SECOND // 2),
        ("0001-01-01T00:00:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("0000-00-00T00:00:00+05:30", None),
        ("", None),
    ],
)
def test_time_is_read_to_the_nanosecond(text: str, nanoseconds: int | None):
    """Two tests within a microsecond were run in the wrong order."""
    assert parse_time(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-01-22", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
     "2026-01-22T24:00:00Z", "2026-01-22T10:54:02", "2026-01-22T10:60:02Z",
     "\uff12026-01-22T10:00:00Z"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str):
    """A wrong time counted as some other moment."""
    with pytest.raises(KeployFormatError, match="is no time; write it like"):
        parse_time(text)


@given(st.integers(0, 253402300799 * SECOND))
def test_time_that_was_written_is_read_back(nanoseconds: int):
    """A time lost digits when it was written."""
    text = format_time(nanoseconds)
    assert type(text) is PlainText
    assert parse_time(text) == nanoseconds


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (1769079242882421038, "2026-01-22T10:54:02.882421038Z"),
        (1769079242880000000, "2026-01-22T10:54:02.88Z"),
        (1769079242000000000, "2026-01-22T10:54:02Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
    ],
)
def test_time_is_written_without_zeros_at_its_end(nanoseconds: int, text: str):
    """Upstream's own times look otherwise."""
    assert format_time(nanoseconds) == text
