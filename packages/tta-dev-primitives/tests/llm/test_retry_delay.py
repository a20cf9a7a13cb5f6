from __future__ import annotations

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.llm.retry_delay import retry_delay
from tta_dev_primitives.recovery.rates.delays import seconds_in

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z

RESETS = {
    "0s": 0.0,
    "6ms": 0.006,
    "261ms": 0.261,
    "17.399999999s": 17.399999999,
    "1m13.588s": 73.588,
    "14m24s": 864.0,
    "1h2m3s": 3723.0,
    "500us": 0.0005,
    "12\u00b5s": 12e-6,
    "40ns": 40e-9,
    "1h0m0.5s": 3600.5,
    "33": 33.0,
    " 7 ": 7.0,
    "0": 0.0,
    "2.5": 2.5,
    "-3": 0.0,
    "2023-11-14T22:13:50Z": 30.0,
    "2023-11-14T23:13:50+01:00": 30.0,
    "2023-11-14T22:13:50": 30.0,
    "2023-11-14T22:13:00Z": 0.0,
    "1700000012": 12.0,
    "1700000012500": 12.5,
    "X-RATELIMIT-RESET-TOKENS-XXX": None,
    "": None,
    "s": None,
    "1m13": None,
    "later": None,
    "5s!": None,
    "nan": None,
    "inf": None,
    "1e400": None,
    "9" * 400: None,
    "9" * 400 + "s": None,
    "12 parsecs": None,
    "2023-99-99T00:00:00Z": None,
}


@pytest.mark.parametrize(
    ("value", "expected"), RESETS.items(), ids=[value[:12] + value[-12:] for value in RESETS]
)
def test_reset_times_are_read_in_every_form(value: str, expected: float | None) -> None:
    found = seconds_in(value, NOW)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))


AFTER = {
    "seconds": ({"retry-after": "7"}, 7.0),
    "fraction": ({"Retry-After": "0.5"}, 0.5),
    "zero": ({"retry-after": "0"}, 0.0),
    "negative": ({"retry-after": "-1"}, 0.0),
    "http-date": ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60.0),
    "date-without-zone": ({"retry-after": "Tue, 14 Nov 2023 22:14:20 -0000"}, 60.0),
    "past-date": ({"retry-after": "Tue, 14 Nov 2023 22:00:00 GMT"}, 0.0),
    "milliseconds-first": ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
    "scrubbed-milliseconds": ({"retry-after-ms": "XXX", "retry-after": "7"}, 7.0),
    "scrubbed": ({"retry-after": "RETRY-AFTER-XXX"}, None),
    "broken-date": ({"retry-after": "Tue, 99 Nov 2023 22:14:20 GMT"}, None),
    "empty": ({"retry-after": ""}, None),
    "nothing": ({}, None),
    "after-before-resets": ({"retry-after": "3", "x-ratelimit-reset-requests": "9s"}, 3.0),
    "scrubbed-then-reset": ({"retry-after": "XXX", "x-ratelimit-reset-requests": "9s"}, 9.0),
    "used-up-limit-counts": (
        {
            "x-ratelimit-limit-requests": "200",
            "x-ratelimit-remaining-requests": "199",
            "x-ratelimit-reset-requests": "7m12s",
            "x-ratelimit-limit-tokens": "10000",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "6s",
        },
        6.0,
    ),
    "smallest-part-left-counts": (
        {
            "x-ratelimit-limit-requests": "200",
            "x-ratelimit-remaining-requests": "100",
            "x-ratelimit-reset-requests": "1ms",
            "x-ratelimit-limit-tokens": "10000",
            "x-ratelimit-remaining-tokens": "50",
            "x-ratelimit-reset-tokens": "5.9s",
        },
        5.9,
    ),
    "both-used-up": (
        {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "2s",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "40s",
        },
        40.0,
    ),
    "anthropic": (
        {
            "anthropic-ratelimit-tokens-limit": "1000",
            "anthropic-ratelimit-tokens-remaining": "0",
            "anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:45Z",
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:21Z",
        },
        25.0,
    ),
    "scrubbed-limits": (
        {
            "x-ratelimit-limit-tokens": "X-RATELIMIT-LIMIT-TOKENS-XXX",
            "x-ratelimit-remaining-tokens": "X-RATELIMIT-REMAINING-TOKENS-XXX",
            "x-ratelimit-reset-tokens": "X-RATELIMIT-RESET-TOKENS-XXX",
        },
        None,
    ),
    "azure": ({"x-ratelimit-reset-requests": "500", "x-ratelimit-reset-tokens": "7"}, 500.0),
    "together": ({"x-ratelimit-reset": "2"}, 2.0),
    "openrouter": ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000009000"}, 9.0),
    "mistral": ({"ratelimitbysize-reset": "33"}, 33.0),
    "limit-of-nothing": (
        {"x-ratelimit-limit": "0", "x-ratelimit-remaining": "3", "x-ratelimit-reset": "2"},
        2.0,
    ),
}


@pytest.mark.parametrize(("headers", "expected"), AFTER.values(), ids=AFTER)
def test_delay_is_read_from_headers(headers: dict[str, str], expected: float | None) -> None:
    found = retry_delay(httpx2.Headers(headers), NOW, limits=True)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))


def test_resets_say_nothing_where_no_limit_was_hit() -> None:
    headers = httpx2.Headers({"x-ratelimit-reset-requests": "9s"})
    assert retry_delay(headers, NOW, limits=False) is None


@given(
    st.one_of(st.text(), st.from_regex(r"[0-9:. TZ+,a-z\-]{0,30}", fullmatch=True)),
    st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset"]),
)
def test_no_header_value_raises(value: str, name: str) -> None:
    delay = retry_delay({name: value}, NOW, limits=True)
    assert delay is None or 0 <= delay < float("inf")
