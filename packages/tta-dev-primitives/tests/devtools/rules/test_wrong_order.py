"""TTA402: which policy may stand around which."""

from __future__ import annotations

import asyncio

import pytest

from tta_dev_primitives import (
    BudgetPrimitive,
    BulkheadPrimitive,
    CachePrimitive,
    CircuitBreakerPrimitive,
    FallbackPrimitive,
    HedgePrimitive,
    Limit,
    RateLimitPrimitive,
    RetryPrimitive,
    TimeoutPrimitive,
    check_order,
)

from .checking import found, sure

HEAD = """
from openai import AsyncOpenAI
from tta_dev_primitives import *
from tta_dev_primitives import (
    BudgetPrimitive, BulkheadPrimitive, CachePrimitive, CircuitBreakerPrimitive,
    FallbackPrimitive, HedgePrimitive, LambdaPrimitive, Limit, RateLimitPrimitive, RetryPrimitive,
    RetryStrategy, RouterPrimitive, TimeoutPrimitive, UVCachePrimitive, resilient,
)
client = AsyncOpenAI(timeout=20)
slow = AsyncOpenAI()
async def call(question):
    return await client.responses.create(model="gpt-5-mini", input=question)
async def hang(question):
    return await slow.responses.create(model="gpt-5-mini", input=question)
async def other(question):
    return "no answer today"
"""

WRONG = {
    "retry-around-cache": "ask = RetryPrimitive(CachePrimitive(call))",
    "with-a-timeout-between": "ask = RetryPrimitive(TimeoutPrimitive(CachePrimitive(call), 9))",
    "through-names": "cached = CachePrimitive(call)\nask = RetryPrimitive(cached)",
    "reassigned": "step = CachePrimitive(call)\nstep = RetryPrimitive(step)",
    "as-decorators": """
@RetryPrimitive()
@CachePrimitive(ttl_seconds=60)
async def ask(question):
    return await call(question)
""",
    "as-policies": "retry = RetryPrimitive()\nask = retry.wrap(CachePrimitive(call))",
    "called-policies": "ask = RetryPrimitive()(CachePrimitive(call))",
    "by-keyword": "ask = RetryPrimitive(primitive=CachePrimitive(primitive=call))",
    "uv-cache": 'ask = RetryPrimitive(UVCachePrimitive(call, depends_on=["openai"]))',
    "retry-in-retry": "ask = RetryPrimitive(RetryPrimitive(call))",
    "retry-in-retry-far-away": "ask = RetryPrimitive(other >> RetryPrimitive(call))",
    "resilient-around-a-retry": "ask = resilient(RetryPrimitive(call))",
    "retry-around-resilient": "ask = RetryPrimitive(resilient(call))",
    "resilient-around-resilient": "ask = resilient(resilient(call), timeout=90)",
    "resilient-around-a-cache": "ask = resilient(CachePrimitive(call))",
    "hedge-around-cache": "ask = HedgePrimitive(CachePrimitive(call), delay=1)",
    "budget-around-cache": "ask = BudgetPrimitive(CachePrimitive(call), limit=5)",
    "rate-limit-around-cache": "ask = RateLimitPrimitive(CachePrimitive(call), limits=[Limit(9)])",
    "bulkhead-around-cache": "ask = BulkheadPrimitive(CachePrimitive(call), max_concurrent=4)",
    "breaker-around-cache": "ask = CircuitBreakerPrimitive(CachePrimitive(call))",
    "breaker-around-retry": "ask = CircuitBreakerPrimitive(RetryPrimitive(call))",
    "rate-limit-around-retry": "ask = RateLimitPrimitive(RetryPrimitive(call), limits=[Limit(9)])",
    "hedge-around-retry": "ask = HedgePrimitive(RetryPrimitive(call), delay=1)",
    "retry-around-fallback": "ask = RetryPrimitive(FallbackPrimitive(call, other))",
    "breaker-around-fallback": "ask = CircuitBreakerPrimitive(FallbackPrimitive(call, other))",
    "breaker-around-rate-limit": """
ask = CircuitBreakerPrimitive(RateLimitPrimitive(call, limits=[Limit(9)]))
""",
    "breaker-around-bulkhead": "ask = CircuitBreakerPrimitive(BulkheadPrimitive(call))",
    "bulkhead-around-rate-limit": """
ask = BulkheadPrimitive(RateLimitPrimitive(call, limits=[Limit(9)]))
""",
    "budget-around-hedge": "ask = BudgetPrimitive(HedgePrimitive(call, delay=1), limit=5)",
    "breaker-sees-no-timeouts": "ask = TimeoutPrimitive(CircuitBreakerPrimitive(hang), 30)",
    "in-a-route": 'ask = RouterPrimitive({"a": RetryPrimitive(CachePrimitive(call)), "b": other},'
    ' lambda x, c: "a")',
    "in-a-sequence": "ask = other >> RetryPrimitive(CachePrimitive(call)) >> other",
    "in-a-class": """
class Bot:
    def __init__(self):
        self.cached = CachePrimitive(call)
        self.ask = RetryPrimitive(self.cached)
""",
    "from-a-factory": """
def cached():
    return CachePrimitive(call)
ask = RetryPrimitive(cached())
""",
}

RIGHT = {
    "cache-around-retry": "ask = CachePrimitive(RetryPrimitive(call))",
    "the-whole-order": """
ask = FallbackPrimitive(CachePrimitive(TimeoutPrimitive(RetryPrimitive(HedgePrimitive(
    BudgetPrimitive(RateLimitPrimitive(BulkheadPrimitive(CircuitBreakerPrimitive(
        TimeoutPrimitive(call, 5))), limits=[Limit(9)])))), 60)), other)
""",
    "resilient-alone": "ask = resilient(call, cache=60, breaker=0.5, attempt_timeout=5)",
    "resilient-without-a-retry": "ask = resilient(RetryPrimitive(call), retry=None)",
    "cache-of-one-step": "ask = RetryPrimitive(CachePrimitive(call) >> other)",
    "cache-of-one-branch": "ask = RetryPrimitive(CachePrimitive(call) | LambdaPrimitive(other))",
    "cached-alternative": "ask = FallbackPrimitive(RetryPrimitive(call), CachePrimitive(other))",
    "retry-without-retries": """
ask = RetryPrimitive(CachePrimitive(call), RetryStrategy(max_retries=0))
""",
    "cache-on-trial": "ask = RetryPrimitive(CachePrimitive(call, shadow=True))",
    "timeout-around-retry": "ask = TimeoutPrimitive(RetryPrimitive(call), 60)",
    "timeout-around-cache": "ask = TimeoutPrimitive(CachePrimitive(call), 60)",
    "cache-around-fallback": "ask = CachePrimitive(FallbackPrimitive(call, other))",
    "bulkhead-around-retry": "ask = BulkheadPrimitive(RetryPrimitive(call))",
    "fallback-whose-primary-retries": """
ask = RetryPrimitive(FallbackPrimitive(LambdaPrimitive(call), other), RetryStrategy(max_retries=0))
""",
    "breaker-with-slow-calls": """
ask = TimeoutPrimitive(CircuitBreakerPrimitive(hang, slow_call_seconds=5), 30)
""",
    "breaker-around-a-timeout": """
ask = TimeoutPrimitive(CircuitBreakerPrimitive(TimeoutPrimitive(hang, 5)), 30)
""",
    "breaker-over-a-client-with-a-limit": """
ask = TimeoutPrimitive(CircuitBreakerPrimitive(call), 30)
""",
    "an-order-nobody-knows": """
def build(step, policy):
    return policy.wrap(RetryPrimitive(step))
""",
    "names-that-are-something-else": """
from tenacity import RetryPrimitive
ask = RetryPrimitive(CachePrimitive(call))
""",
    "one-of-two-branches": """
import os
step = call
if os.environ.get("CACHE"):
    step = CachePrimitive(step)
ask = RetryPrimitive(step)
""",
    "two-that-share-a-policy": """
cache = CachePrimitive(ttl_seconds=60)
a = cache.wrap(RetryPrimitive(call))
b = cache.wrap(RetryPrimitive(other))
""",
    "decorators-in-order": """
@CachePrimitive(ttl_seconds=60)
@RetryPrimitive()
async def ask(question):
    return await call(question)
""",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_an_order_that_defeats_itself_is_reported(source: str) -> None:
    """Two wrappers defeat each other and the linter says nothing."""
    assert sure("TTA402", HEAD + source)


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_an_order_that_means_something_is_left_alone(source: str) -> None:
    """The linter complains about an order that is right, or that it cannot know."""
    assert not found("TTA402", HEAD + source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("RetryPrimitive(RetryPrimitive(call), RetryStrategy(max_retries=1))", "up to 2 x 4 = 8"),
        ("resilient(RetryPrimitive(call, RetryStrategy(2)), retry=4)", "up to 5 x 3 = 15"),
        ("RetryPrimitive(CachePrimitive(call), retry_result=bool)", "an answer that the retry"),
        ("RetryPrimitive(CachePrimitive(call, negative_ttl=5))", "keeps the error"),
    ],
    ids=["product", "product-of-resilient", "unwanted-answers", "kept-errors"],
)
def test_the_message_has_the_facts_of_the_place(source: str, words: str) -> None:
    """The message does not say what happens here."""
    messages = [finding.message for finding in found("TTA402", f"{HEAD}ask = {source}")]
    assert any(words in message for message in messages), messages


def test_each_pair_is_reported_once() -> None:
    """A shared step is reported once for each thing that is built on it."""
    source = "a = RetryPrimitive(CachePrimitive(call))\nb = a >> other\nc = a >> a"
    assert len(found("TTA402", HEAD + source)) == 1


STEP = {
    "RetryPrimitive": lambda step: RetryPrimitive(step),
    "CachePrimitive": lambda step: CachePrimitive(step),
    "HedgePrimitive": lambda step: HedgePrimitive(step, delay=1.0),
    "BudgetPrimitive": lambda step: BudgetPrimitive(step, limit=5.0),
    "RateLimitPrimitive": lambda step: RateLimitPrimitive(step, limits=[Limit(9)]),
    "BulkheadPrimitive": lambda step: BulkheadPrimitive(step),
    "CircuitBreakerPrimitive": lambda step: CircuitBreakerPrimitive(step, slow_call_seconds=5.0),
    "TimeoutPrimitive": lambda step: TimeoutPrimitive(step, timeout_seconds=60.0),
    "FallbackPrimitive": lambda step: FallbackPrimitive(step, other),
}
WRITTEN = {
    "HedgePrimitive": ", delay=1.0",
    "BudgetPrimitive": ", limit=5.0",
    "RateLimitPrimitive": ", limits=[Limit(9)]",
    "CircuitBreakerPrimitive": ", slow_call_seconds=5.0",
    "TimeoutPrimitive": ", timeout_seconds=60.0",
    "FallbackPrimitive": ", other",
}


async def call(question: str) -> str:
    await asyncio.sleep(0)
    return question


async def other(question: str) -> str:
    await asyncio.sleep(0)
    return question


@pytest.mark.parametrize("inner", STEP)
@pytest.mark.parametrize("outer", STEP)
def test_it_says_of_source_what_check_order_says_of_the_workflow(outer: str, inner: str) -> None:
    """The linter and `check_order` do not agree about a pair of policies."""
    workflow = STEP[outer](TimeoutPrimitive(STEP[inner](call), timeout_seconds=50.0))
    said = {
        problem.what for problem in check_order(workflow) if problem.rule != "limit-never-reached"
    }
    written = f"{inner}(call{WRITTEN.get(inner, '')})"
    written = f"{outer}(TimeoutPrimitive({written}, 50.0){WRITTEN.get(outer, '')})"
    findings = found("TTA402", f"{HEAD}ask = {written}")
    assert {
        finding.message.partition(":")[0].replace("Retry around Retry", "Retry inside Retry")
        for finding in findings
    } == said
