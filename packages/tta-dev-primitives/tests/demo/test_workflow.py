"""The support desk: what it asks, where it sends it, and what it makes of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tta_dev_primitives import LLMRequest, LLMResponse, WorkflowContext
from tta_dev_primitives.demo.policies import load_policies
from tta_dev_primitives.demo.workflow import (
    Case,
    answer_request,
    build_plain_workflow,
    build_workflow,
    check_request,
    classify_request,
    read_ticket,
    ticket_in,
    tier_for,
)
from tta_dev_primitives.errors import ConfigurationError, ServerError
from tta_dev_primitives.testing import MockPrimitive

SHORT = "How long do I have to return a tent?"
LONG = "I ordered a tent. It came late. " * 8


def speak(request: LLMRequest, _: WorkflowContext) -> LLMResponse:
    """Answer like a model that gets everything right."""
    match (request.json_schema or {}).get("title"):
        case "classification":
            return LLMResponse(json.dumps({"category": "returns"}))
        case "check":
            return LLMResponse(json.dumps({"approved": True}))
        case _:
            return LLMResponse("You have 30 days.")


def models(**effects: Callable[..., object]) -> dict[str, MockPrimitive]:
    return {
        tier: MockPrimitive(tier, side_effect=effects.get(tier, speak))
        for tier in ("small", "medium", "large")
    }


@pytest.mark.parametrize(
    ("text", "request_of", "tier"),
    [
        (SHORT, classify_request, "small"),
        (SHORT, answer_request, "small"),
        (SHORT, check_request, "medium"),
        (LONG, classify_request, "medium"),
        (LONG, answer_request, "medium"),
    ],
    ids=["short-classify", "short-answer", "check", "long-classify", "long-answer"],
)
def test_tier_follows_the_ticket_and_the_task(
    text: str, request_of: Callable[[Case], LLMRequest], tier: str
) -> None:
    """Easy work goes to a small model, involved work and checking to a medium one."""
    request = request_of(Case(text, "en", category="returns", answer="30 days"))
    assert ticket_in(request) == text
    assert tier_for(request, WorkflowContext()) == tier


async def test_a_simple_ticket_is_answered_without_the_large_model() -> None:
    """Three questions, none of them to the dear model."""
    tiers = models()
    result = await build_workflow(tiers).execute({"text": SHORT, "language": "en"})
    assert result == {"category": "returns", "answer": "You have 30 days.", "escalated": False}
    assert [tiers[tier].call_count for tier in ("small", "medium", "large")] == [2, 1, 0]


async def test_the_same_ticket_costs_nothing_again() -> None:
    """The second customer with the same question is answered from the cache."""
    tiers = models()
    workflow = build_workflow(tiers)
    for _ in range(3):
        await workflow.execute({"text": SHORT, "language": "en"})
    assert sum(model.call_count for model in tiers.values()) == 3


async def test_an_answer_that_fails_the_check_is_written_anew_by_the_large_model() -> None:
    """Escalation asks the large model for both, the category and the answer."""

    def reject(request: LLMRequest, context: WorkflowContext) -> LLMResponse:
        if (request.json_schema or {}).get("title") == "check":
            return LLMResponse('{"approved": false}')
        return speak(request, context)

    tiers = models(medium=reject)
    result = await build_workflow(tiers).execute({"text": SHORT, "language": "en"})
    assert result["escalated"] is True
    assert tiers["large"].call_count == 2


async def test_a_tier_that_is_down_is_replaced_by_the_large_model() -> None:
    """The fallback answers; the customer does not notice."""

    def down(*_: object) -> LLMResponse:
        raise ServerError("down", retryable=False)

    tiers = models(small=down)
    result = await build_workflow(tiers).execute({"text": SHORT, "language": "en"})
    assert result["answer"] == "You have 30 days."
    assert tiers["large"].call_count == 2


@pytest.mark.parametrize(
    ("said", "category"),
    [
        ('{"category": "warranty"}', "warranty"),
        ("It sounds like Shipping to me.", "shipping"),
        ("no idea", "account"),
        ('["billing"]', "billing"),
    ],
    ids=["json", "prose", "nothing", "wrong-shape"],
)
async def test_a_rambling_classifier_is_taken_at_its_first_category(
    said: str, category: str
) -> None:
    """Small models talk around the point; the desk goes on with what it can read."""

    def ramble(request: LLMRequest, context: WorkflowContext) -> LLMResponse:
        if (request.json_schema or {}).get("title") == "classification":
            return LLMResponse(said)
        return speak(request, context)

    result = await build_plain_workflow(MockPrimitive(side_effect=ramble)).execute({"text": SHORT})
    assert result["category"] == category
    assert category in load_policies()


@pytest.mark.parametrize(
    ("ticket", "complaint"),
    [
        ({}, "needs a text, got None"),
        ({"text": "  "}, "needs a text"),
        ({"text": "hi", "language": "fr"}, "must be one of en, de, got 'fr'"),
    ],
    ids=["no-text", "blank", "language"],
)
def test_a_ticket_nobody_can_answer_is_refused(ticket: dict[str, str], complaint: str) -> None:
    """The error holds the value and what would be right."""
    with pytest.raises(ConfigurationError, match=complaint):
        read_ticket(ticket)
