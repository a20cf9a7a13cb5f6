"""The pages of the rules about concurrency and primitives: what they show is what is found."""

from __future__ import annotations

import pytest

from tta_dev_primitives.devtools.rules.composition_rules import COMPOSITION_RULES
from tta_dev_primitives.devtools.rules.rule import Rule
from tta_dev_primitives.devtools.rules.wrong_order_pairs import PAIRS

from .checking import defaults, found, sure

# What a reader takes for granted around the examples.
SURROUNDINGS = """
import asyncio, time
import requests
from openai import AsyncOpenAI, OpenAI
from tta_dev_primitives import (
    AnthropicPrimitive, CachePrimitive, FallbackPrimitive, LambdaPrimitive, OpenAIPrimitive,
    RetryPrimitive, RetryStrategy, TimeoutPrimitive, WorkflowPrimitive, resilient,
)
quick = AsyncOpenAI(timeout=9)
async def call(question):
    return await quick.responses.create(model="gpt-5-mini", input=question)
"""
CLIENT = "client = AsyncOpenAI()\n"
SUMMARY = """
async def summary(text):
    return await client.responses.create(model="gpt-5-mini", input=text)
"""


def surrounded(example: str) -> str:
    client = "" if "client = " in example else CLIENT
    summary = "" if "def summary(" in example else SUMMARY
    return SURROUNDINGS + client + summary + example


@pytest.mark.parametrize("rule", COMPOSITION_RULES, ids=lambda rule: rule.code)
def test_the_example_is_reported_and_what_to_use_instead_is_not(rule: Rule) -> None:
    """A page shows an example that its own rule does not report, or the other way round."""
    assert sure(rule.code, surrounded(rule.page.example))
    assert not found(rule.code, surrounded(rule.page.use_instead))


def test_rules_are_numbered_without_a_gap_and_on_by_default() -> None:
    """A rule is lost, or nobody sees it."""
    codes = [rule.code for rule in COMPOSITION_RULES]
    assert codes == [*(f"TTA30{n}" for n in range(1, 5)), *(f"TTA40{n}" for n in range(1, 6))]
    assert all(rule.is_default for rule in COMPOSITION_RULES)


def test_the_page_of_orders_has_every_pair_with_its_reason() -> None:
    """A pair is reported that the page says nothing of."""
    page = next(rule.page for rule in COMPOSITION_RULES if rule.code == "TTA402")
    for pair in PAIRS:
        assert pair.why in page.what
        assert pair.instead in page.what


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio\nasync def f(xs):\n    return await asyncio.gather(*map(g, xs))",
        "import time\nasync def f():\n    time.sleep(1)",
        "import requests\nasync def f():\n    return requests.get('x', timeout=1)",
        "@retry\ndef f():\n    return x >> y | z",
        "for a in b:\n    c = D(a)\n    c.create(a)",
        "class Cache:\n    def wrap(self, f):\n        return f\nCache().wrap(print)",
    ],
    ids=["gather", "sleep", "requests", "operators", "client-in-a-loop", "wrap"],
)
def test_code_without_models_and_primitives_is_left_alone(source: str) -> None:
    """A rule about calls of models speaks of code that has none."""
    assert not [each for each in defaults(source) if each.code[3] in "34"]
