"""TTA404: routers that choose, and fallbacks that are something else."""

from __future__ import annotations

import pytest

from .checking import found, sure

HEAD = """
from openai import AsyncOpenAI
from anthropic import AsyncAnthropic
from tta_dev_primitives import (
    AnthropicPrimitive, CachePrimitive, FallbackPrimitive, OpenAIPrimitive, RetryPrimitive,
    RouterPrimitive, TimeoutPrimitive, resilient,
)
client = AsyncOpenAI()
spare = AsyncOpenAI(base_url="https://spare.example/v1")
claude = AsyncAnthropic()
async def quick(question):
    return await client.responses.create(model="gpt-5-mini", input=question)
async def again(question):
    return await client.responses.create(model="gpt-5-mini", input=question)
async def shorter(question):
    return await client.responses.create(model="gpt-5-mini", input=question[:1000])
async def good(question):
    return await client.responses.create(model="gpt-5", input=question)
async def elsewhere(question):
    return await spare.responses.create(model="gpt-5-mini", input=question)
async def rival(question):
    return await claude.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=question)
"""

WRONG = {
    "one-route": 'ask = RouterPrimitive({"a": quick}, lambda x, c: "a")',
    "one-route-by-keyword": 'ask = RouterPrimitive(routes={"a": quick}, strategy="cost")',
    "one-route-through-a-name": 'ROUTES = {"a": quick}\nask = RouterPrimitive(ROUTES, pick)',
    "one-route-of-the-core": """
from tta_dev_primitives.core.routing import RouterPrimitive as Plain
ask = Plain(routes={"a": quick}, router_fn=lambda x, c: "a", default="a")
""",
    "routes-that-are-one": 'ask = RouterPrimitive({"a": quick, "b": quick}, pick, default="a")',
    "routes-of-one-model": """
ask = RouterPrimitive({"a": OpenAIPrimitive("gpt-5"), "b": OpenAIPrimitive("gpt-5")}, pick, "a")
""",
    "same-function": "ask = FallbackPrimitive(quick, quick)",
    "same-adapter": 'ask = FallbackPrimitive(OpenAIPrimitive("gpt-5"), OpenAIPrimitive("gpt-5"))',
    "same-adapter-wrapped": """
ask = FallbackPrimitive(
    RetryPrimitive(OpenAIPrimitive("gpt-5")), fallback=OpenAIPrimitive(model="gpt-5")
)
""",
    "same-adapter-in-a-list": """
main = OpenAIPrimitive("gpt-5")
ask = FallbackPrimitive(main, fallbacks=[AnthropicPrimitive("claude-haiku-4-5"), main])
""",
    "same-through-names": "first = quick\nsecond = quick\nask = FallbackPrimitive(first, second)",
    "same-question-to-the-same-model": "ask = FallbackPrimitive(quick, again)",
    "same-class": """
from tta_dev_primitives import WorkflowPrimitive
class Ask(WorkflowPrimitive): ...
ask = FallbackPrimitive(Ask("gpt-5"), Ask("gpt-5"))
""",
    "same-factory": """
def model():
    return OpenAIPrimitive("gpt-5")
ask = FallbackPrimitive(model(), model())
""",
    "resilient": "ask = resilient(quick, fallback=quick)",
    "resilient-list": "ask = resilient(quick, fallback=[again])",
    "timeout": "ask = TimeoutPrimitive(quick, 5, fallback=quick)",
    "name-that-is-no-route": """
ask = RouterPrimitive({"a": quick, "b": good}, lambda x, c: "a" if len(x) < 9 else "c")
""",
    "name-of-a-function-that-is-no-route": """
def pick(question, context):
    if len(question) < 100:
        return "quick"
    return "slow"
ask = RouterPrimitive({"quick": quick, "good": good}, router_fn=pick)
""",
    "name-from-the-input": """
ask = RouterPrimitive({"a": quick, "b": good}, lambda x, c: x["tier"])
""",
    "name-from-the-context": """
ask = RouterPrimitive({"a": quick, "b": good}, lambda x, context: context.metadata.get("tier", "a"))
""",
    "name-from-the-input-through-a-variable": """
def pick(request, context):
    tier = request.tier
    return tier
ask = RouterPrimitive({"a": quick, "b": good}, pick)
""",
}

RIGHT = {
    "two-routes": 'ask = RouterPrimitive({"a": quick, "b": good}, lambda x, c: "b", default="a")',
    "names-that-are-routes": """
ask = RouterPrimitive({"a": quick, "b": good}, lambda x, c: "a" if len(x) < 9 else "b")
""",
    "name-from-the-input-with-a-default": """
ask = RouterPrimitive({"a": quick, "b": good}, lambda x, c: x["tier"], default="a")
""",
    "name-that-is-checked": """
def pick(question, context):
    tier = context.metadata.get("tier")
    return tier if tier in ("a", "b") else "a"
ask = RouterPrimitive({"a": quick, "b": good}, pick)
""",
    "name-that-is-computed": """
ask = RouterPrimitive({"a": quick, "b": good}, lambda x, c: classify(x))
""",
    "discovered": "ask = RouterPrimitive()",
    "strategy": 'ask = RouterPrimitive({"a": quick, "b": good}, strategy="cost")',
    "on-trial": 'ask = RouterPrimitive({"a": quick}, lambda x, c: "a", shadow=True)',
    "routes-from-elsewhere": "def build(routes):\n    return RouterPrimitive(routes, pick)",
    "routes-with-more": 'ask = RouterPrimitive({"a": quick, **others}, pick)',
    "other-model": "ask = FallbackPrimitive(quick, good)",
    "other-provider": "ask = FallbackPrimitive(quick, rival)",
    "other-address": "ask = FallbackPrimitive(quick, elsewhere)",
    "other-adapter": """
ask = FallbackPrimitive(OpenAIPrimitive("gpt-5"), OpenAIPrimitive("gpt-5-mini"))
""",
    "other-address-of-an-adapter": """
ask = FallbackPrimitive(
    OpenAIPrimitive("gpt-5"), OpenAIPrimitive("gpt-5", base_url="https://spare.example/v1")
)
""",
    "models-that-are-not-known": """
def build(first, second):
    return FallbackPrimitive(OpenAIPrimitive(first), OpenAIPrimitive(second))
""",
    "two-of-one-factory": """
def make(model):
    async def ask(question):
        return await client.responses.create(model=model, input=question)
    return ask
ask = FallbackPrimitive(make("gpt-5"), make("gpt-5-mini"))
""",
    "two-steps-of-one-factory": """
from tta_dev_primitives import LambdaPrimitive
def step(text):
    return LambdaPrimitive(lambda x: x + text)
ask = FallbackPrimitive(step("a"), step("b"))
""",
    "two-mocks": """
from tta_dev_primitives.testing import MockPrimitive
ask = FallbackPrimitive(MockPrimitive("down"), MockPrimitive("down"))
""",
    "two-parts-of-one-function": """
from functools import partial
async def any_model(model, question):
    return await client.responses.create(model=model, input=question)
ask = FallbackPrimitive(partial(any_model, "gpt-5"), partial(any_model, "gpt-5-mini"))
""",
    "an-answer-of-its-own": 'ask = FallbackPrimitive(quick, lambda x, c: "try again later")',
    "a-cache-of-yesterday": "ask = FallbackPrimitive(quick, lookup)",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_what_leaves_no_choice_is_reported(source: str) -> None:
    """A second way out that is none is not reported."""
    assert len(sure("TTA404", HEAD + source)) == 1


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_what_chooses_is_left_alone(source: str) -> None:
    """The linter complains about a router or a fallback that does its work."""
    assert not found("TTA404", HEAD + source)


def test_another_question_to_the_same_model_is_not_sure() -> None:
    """A shorter question as the fallback is reported as if it could not help."""
    findings = found("TTA404", f"{HEAD}ask = FallbackPrimitive(quick, shorter)")
    assert [finding.confidence for finding in findings] == ["medium"]
