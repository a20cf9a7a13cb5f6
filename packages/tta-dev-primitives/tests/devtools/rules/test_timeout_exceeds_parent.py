"""TTA403: limits that fit into each other."""

from __future__ import annotations

import pytest

from .checking import found, sure

HEAD = """
import os
from openai import AsyncOpenAI
from tta_dev_primitives import (
    AnthropicPrimitive, FallbackPrimitive, HedgePrimitive, OpenAIPrimitive, RetryPrimitive,
    RetryStrategy, SequentialPrimitive, TimeoutPrimitive, resilient,
)
client = AsyncOpenAI()
async def call(question):
    return await client.responses.create(model="gpt-5-mini", input=question)
async def patient(question):
    return await client.responses.create(model="gpt-5-mini", input=question, timeout=60)
async def other(question):
    return "no answer today"
"""

WRONG = {
    "longer": "ask = TimeoutPrimitive(TimeoutPrimitive(call, 30), 10)",
    "equal": "ask = TimeoutPrimitive(TimeoutPrimitive(call, timeout_seconds=10), 10)",
    "default-is-thirty": "ask = TimeoutPrimitive(TimeoutPrimitive(call), timeout_seconds=20)",
    "arithmetic": "ask = TimeoutPrimitive(TimeoutPrimitive(call, 2 * 60), 60.0)",
    "constants-of-the-file": """
LIMIT = 5
EACH = 8
ask = TimeoutPrimitive(TimeoutPrimitive(call, EACH), LIMIT)
""",
    "attempts": """
ask = TimeoutPrimitive(RetryPrimitive(TimeoutPrimitive(call, 20), RetryStrategy(max_retries=2)), 30)
""",
    "attempts-and-waits": """
ask = TimeoutPrimitive(RetryPrimitive(TimeoutPrimitive(call, 9),
    RetryStrategy(max_retries=2, initial_delay=2, jitter=False)), 30)
""",
    "waits-alone": """
ask = TimeoutPrimitive(RetryPrimitive(call,
    RetryStrategy(max_retries=3, initial_delay=5, jitter=False)), 30)
""",
    "default-attempts": "ask = TimeoutPrimitive(RetryPrimitive(TimeoutPrimitive(call, 9)), 30)",
    "in-a-sequence": """
ask = TimeoutPrimitive(SequentialPrimitive([other, TimeoutPrimitive(call, 9)]), 5)
""",
    "as-decorators": """
@TimeoutPrimitive(timeout_seconds=10)
@TimeoutPrimitive(timeout_seconds=20)
async def ask(question):
    return await call(question)
""",
    "resilient": "ask = resilient(call, timeout=10, attempt_timeout=10)",
    "resilient-default": "ask = resilient(call, attempt_timeout=45)",
    "resilient-attempts": "ask = resilient(call, timeout=10, retry=2, attempt_timeout=5)",
    "around-resilient": "ask = TimeoutPrimitive(resilient(call), 20)",
    "hedge": "ask = TimeoutPrimitive(HedgePrimitive(call, delay=5), 2)",
    "adapter": 'ask = TimeoutPrimitive(OpenAIPrimitive("gpt-5", timeout_seconds=60), 10)',
    "in-a-fallback": """
ask = TimeoutPrimitive(FallbackPrimitive(call, TimeoutPrimitive(other, 9)), 5)
""",
    "the-call-itself": "ask = TimeoutPrimitive(patient, 10)",
    "idle": "ask = TimeoutPrimitive(call, 5, idle_seconds=10)",
    "first-chunk": "ask = TimeoutPrimitive(call, timeout_seconds=5, first_chunk_seconds=5)",
    "policies": """
limit = TimeoutPrimitive(timeout_seconds=3)
ask = limit.wrap(TimeoutPrimitive(call, 4))
""",
}

RIGHT = {
    "shorter": "ask = TimeoutPrimitive(TimeoutPrimitive(call, 5), 10)",
    "attempts-fit": """
ask = TimeoutPrimitive(RetryPrimitive(TimeoutPrimitive(call, 9), RetryStrategy(max_retries=2)), 30)
""",
    "attempts-fit-exactly": """
ask = TimeoutPrimitive(RetryPrimitive(TimeoutPrimitive(call, 10), RetryStrategy(max_retries=2)), 30)
""",
    "attempts-and-waits-fit": """
ask = TimeoutPrimitive(RetryPrimitive(TimeoutPrimitive(call, 9),
    RetryStrategy(max_retries=2, initial_delay=1, jitter=False)), 30)
""",
    "one-attempt": """
ask = TimeoutPrimitive(RetryPrimitive(TimeoutPrimitive(call, 20), RetryStrategy(max_retries=0)), 30)
""",
    "no-limit-for-an-attempt": "ask = TimeoutPrimitive(RetryPrimitive(call), 3)",
    "no-limit-for-the-whole": "ask = RetryPrimitive(TimeoutPrimitive(call, 300))",
    "unknown-inner": 'ask = TimeoutPrimitive(TimeoutPrimitive(call, float(os.environ["T"])), 10)',
    "unknown-outer": """
def build(limit):
    return TimeoutPrimitive(TimeoutPrimitive(call, 30), limit)
""",
    "keywords-that-hide-it": "ask = TimeoutPrimitive(TimeoutPrimitive(call, **options), 10)",
    "chunks-only": "ask = TimeoutPrimitive(TimeoutPrimitive(call, None, idle_seconds=20), 10)",
    "alternative-has-its-own": """
ask = TimeoutPrimitive(call, 5, fallback=TimeoutPrimitive(other, 9))
""",
    "attempts-of-one-step": """
ask = TimeoutPrimitive(RetryPrimitive(SequentialPrimitive([other, TimeoutPrimitive(call, 9)])), 30)
""",
    "resilient": "ask = resilient(call, timeout=10.0, retry=2, attempt_timeout=3.0)",
    "resilient-default": "ask = resilient(call)",
    "resilient-without-a-limit": "ask = resilient(call, timeout=None, attempt_timeout=300)",
    "adapter-default": 'ask = TimeoutPrimitive(OpenAIPrimitive("gpt-5"), 10)',
    "hedge": "ask = TimeoutPrimitive(HedgePrimitive(call, delay=1), 10)",
    "the-call-itself": "ask = TimeoutPrimitive(patient, 90)",
    "idle": "ask = TimeoutPrimitive(call, 60, first_chunk_seconds=10, idle_seconds=5)",
    "schedule": """
from tta_dev_primitives.recovery.schedules import exponential
often = exponential().up_to(attempts=9)
ask = TimeoutPrimitive(RetryPrimitive(TimeoutPrimitive(call, 9), often), 30)
""",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_what_never_passes_is_reported(source: str) -> None:
    """A limit that never passes is not reported."""
    assert sure("TTA403", HEAD + source)


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_what_fits_or_is_not_known_is_left_alone(source: str) -> None:
    """The linter complains about limits that fit, or whose numbers it does not know."""
    assert not found("TTA403", HEAD + source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "TimeoutPrimitive(RetryPrimitive(TimeoutPrimitive(call, 20), RetryStrategy(2)), 30)",
            (
                "3 attempts of up to 20 s need 60 s, and the limit around them is 30 s, so the "
                "last ones are cut off"
            ),
        ),
        (
            "TimeoutPrimitive(TimeoutPrimitive(call, 30), 10)",
            (
                "a limit of 30 s inside one of 10 s never passes; make the inner one the shorter, "
                "or leave it out"
            ),
        ),
    ],
    ids=["attempts", "nested"],
)
def test_the_message_has_the_numbers(source: str, message: str) -> None:
    """The message leaves the reader to do the sum."""
    assert [finding.message for finding in found("TTA403", f"{HEAD}ask = {source}")] == [message]
