from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tta_dev_primitives.errors import LLMError, RateLimitedError, ServerError
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.recovery.rates.headers import (
    Quota,
    headers_of,
    is_rate_limited,
    left_of,
    pause_asked,
    quotas,
)
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (
            {
                "x-ratelimit-limit-tokens": "10000",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "1m13.5s",
            },
            [Quota("tokens", 0, 10000, 73.5)],
        ),
        ({"x-ratelimit-remaining-requests": "99"}, [Quota("requests", 99, None, None)]),
        (
            {"x-ratelimit-remaining": "3", "x-ratelimit-reset": "1700000009000"},
            [Quota("requests", 3, None, 9)],
        ),
        ({"ratelimit-remaining": "3", "ratelimit-reset": "7"}, [Quota("requests", 3, None, 7)]),
        ({"x-ratelimit-remaining-req-minute": "5"}, [Quota("requests", 5, None, None)]),
        ({"x-ratelimit-remaining-tokens-minute": "5"}, [Quota("tokens", 5, None, None)]),
        (
            {
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:21Z",
            },
            [Quota("requests", 49, 50, 1)],
        ),
        ({"anthropic-ratelimit-input-tokens-remaining": "9"}, []),
        ({"x-ratelimit-remaining-input-images": "9"}, []),
        ({"x-ratelimit-remaining-tokens": "X-RATELIMIT-REMAINING-TOKENS-XXX"}, []),
        ({"x-ratelimit-remaining": "-1"}, []),
        ({"x-ratelimit-remaining": "nan"}, []),
        ({"x-ratelimit-remaining": "1e9"}, []),
        (
            {"x-ratelimit-remaining": "1", "x-ratelimit-reset": "soon"},
            [Quota("requests", 1, None, None)],
        ),
        ({"x-ratelimit-reset": "2", "content-type": "text/plain"}, []),
    ],
    ids=[
        "openai", "no-limit-said", "milliseconds", "ietf", "mistral-requests", "mistral-tokens",
        "anthropic", "part-of-the-tokens", "other-unit", "scrubbed", "negative", "nan", "exponent",
        "no-time", "nothing-left-said",
    ],
)  # fmt: skip
def test_headers_of_providers_are_read(headers: dict[str, str], found: list[Quota]) -> None:
    """Nonsense is passed over, whatever a proxy or a recording makes of the values."""
    assert quotas(headers, NOW) == found


@pytest.mark.parametrize(
    ("error", "headers", "pause"),
    [
        (RateLimitedError("", retry_after=7), {"retry-after": "9"}, 7),
        (RateLimitedError(""), {"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        (RateLimitedError(""), {"retry-after": "9"}, 9),
        (RateLimitedError(""), {"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30),
        (RateLimitedError(""), {"retry-after": "Tue, 14 Nov 2023 22:13:00 GMT"}, 0),
        (RateLimitedError(""), {"retry-after": "a while"}, None),
        (
            RateLimitedError(""),
            {
                "x-ratelimit-remaining-requests": "5",
                "x-ratelimit-reset-requests": "9s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "500ms",
            },
            0.5,
        ),
        (RateLimitedError("", retry_after=1e9), {}, 3600),
        (RateLimitedError("", retry_after=float("nan")), {}, None),
        (RateLimitedError("", retry_after=-1), {}, None),
        (RateLimitedError(""), {}, None),
    ],
    ids=[
        "own", "milliseconds", "seconds", "date", "past-date", "words", "used-up-limit",
        "longer-than-an-hour", "nan", "negative", "unsaid",
    ],
)  # fmt: skip
def test_pause_is_what_the_server_asked_for(
    error: Exception, headers: dict[str, str], pause: float | None
) -> None:
    assert pause_asked(error, headers, quotas(headers, NOW), NOW) == pause


def test_headers_are_found_on_the_error_an_adapter_mapped() -> None:
    """Our own errors carry no response; the SDK's, from which they came, do."""
    theirs = ValueError()
    theirs.response = SimpleNamespace(headers={"X-RateLimit-Remaining": " 3 "})  # type: ignore[attr-defined]
    ours = RateLimitedError("")
    ours.__cause__ = theirs
    assert headers_of(ours) == {"x-ratelimit-remaining": "3"}
    assert headers_of(theirs.response) == {"x-ratelimit-remaining": "3"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "found",
    ["text", None, SimpleNamespace(headers=None), SimpleNamespace(headers="a: b"), OSError()],
)
def test_what_carries_no_headers_has_none(found: object) -> None:
    assert headers_of(found) == {}


class AnswerError(Exception):
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


@pytest.mark.parametrize(
    ("error", "limited"),
    [
        (RateLimitedError(""), True),
        (AnswerError(status_code=429), True),
        (AnswerError(status=429), True),
        (AnswerError(response=SimpleNamespace(status_code=429)), True),
        (AnswerError(status_code=503), False),
        (ServerError("", retry_after=9), False),
        (LLMError("", status=429), True),
        (OSError(), False),
    ],
    ids=["ours", "sdk", "aiohttp", "httpx", "503", "overloaded", "status", "other"],
)
def test_only_429_speaks_of_a_rate_limit(error: Exception, limited: bool) -> None:
    """An overloaded server is the business of a breaker: pausing all calls would hide it."""
    assert is_rate_limited(error) is limited


MINUTE, DAY = Limit(60), Limit(1000, 86400)


@pytest.mark.parametrize(
    ("limit", "said", "left"),
    [
        (MINUTE, [Quota("requests", 5, 60, None)], 5),
        (MINUTE, [Quota("requests", 5, 60, None), Quota("requests", 1, 1000, None)], 5),
        (DAY, [Quota("requests", 5, 60, None), Quota("requests", 1, 1000, None)], 1),
        (MINUTE, [Quota("requests", 5, None, None), Quota("requests", 9, 77, None)], 5),
        (MINUTE, [Quota("tokens", 5, 60, None)], None),
        (MINUTE, [], None),
    ],
    ids=["same", "one-of-two", "other-of-two", "unknown-amount", "other-unit", "nothing"],
)
def test_headers_count_for_the_limit_they_name(
    limit: Limit, said: list[Quota], left: float | None
) -> None:
    assert left_of(limit, said) == left


def answer(**headers: str) -> SimpleNamespace:
    return SimpleNamespace(headers={name.replace("_", "-"): text for name, text in headers.items()})


async def test_answer_that_says_little_is_left_is_believed(clock: FakeClock) -> None:
    """Somebody else uses the same key: what they took is gone for us, too."""
    step = MockPrimitive(return_value=answer(x_ratelimit_remaining="2"))
    limiter = RateLimitPrimitive(step, limits=[Limit(60)], clock=clock)
    await limiter.execute("x")
    assert limiter._gate.tightest()[1] == pytest.approx(2)


async def test_answer_that_says_much_is_left_is_not_believed(clock: FakeClock) -> None:
    """A limit set lower than the provider's stays as low."""
    step = MockPrimitive(return_value=answer(x_ratelimit_remaining="500"))
    limiter = RateLimitPrimitive(step, limits=[Limit(60)], clock=clock)
    await limiter.execute("x")
    assert limiter._gate.tightest()[1] == pytest.approx(59)
    step.return_value = answer(x_ratelimit_remaining="50")
    for _ in range(20):
        await limiter.execute("x")
    assert limiter._gate.tightest()[1] == pytest.approx(31)


async def test_answer_with_other_headers_changes_nothing(clock: FakeClock) -> None:
    step = MockPrimitive(return_value=answer(content_type="text/plain"))
    limiter = RateLimitPrimitive(step, limits=[Limit(60)], clock=clock)
    await limiter.execute("x")
    assert limiter._gate.tightest()[1] == pytest.approx(59)


async def test_429_tells_what_is_left_and_how_long_to_wait(clock: FakeClock) -> None:
    error = AnswerError(
        status_code=429,
        headers={"retry-after": "5", "x-ratelimit-remaining-tokens": "0"},
    )
    limiter = RateLimitPrimitive(
        MockPrimitive(raise_error=error),
        limits=[Limit(60), Limit(100, per_seconds=10, unit="tokens")],
        estimate=lambda x, context: 1,
        clock=clock,
    )
    with pytest.raises(AnswerError):
        await limiter.execute("x")
    assert limiter._gate.take(1) is None
    clock.advance(5)
    assert limiter._gate.tightest()[1] == pytest.approx(50)
    assert limiter._gate.take(1) == 5


async def test_429_without_a_word_closes_nothing(clock: FakeClock) -> None:
    step = MockPrimitive(raise_error=RateLimitedError(""))
    limiter = RateLimitPrimitive(step, limits=[Limit(60)], clock=clock)
    for calls in (1, 2):
        with pytest.raises(RateLimitedError):
            await limiter.execute("x")
        assert len(step.calls) == calls
