"""What the call of a model adds to its span."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observability_integration.spans.records import record_attributes
from tta_dev_primitives.core.observe import LLMRecord, LLMRequestRecord

REQUEST = LLMRequestRecord("chat", "openai", "gpt-4o")
ANSWER = LLMRecord("chat", "openai", "m", "m", 12, 34, 2, 1, 5, "stop", 0.5, None, None)
NAMED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
}


def test_what_was_not_said_is_left_out() -> None:
    assert record_attributes(REQUEST) == NAMED


def test_all_that_was_asked_for_is_told() -> None:
    full = LLMRequestRecord(
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
        server_address="api.openai.com",
        server_port=443,
        conversation_id="s",
        output_type="json",
        stream=True,
        max_tokens=64,
        temperature=0.0,
        top_p=0.9,
        top_k=40,
        seed=0,
        stop_sequences=("END",),
        choice_count=2,
        frequency_penalty=0.1,
        presence_penalty=0.0,
    )
    assert record_attributes(full) == {
        **NAMED,
        "gen_ai.conversation.id": "s",
        "gen_ai.output.type": "json",
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.frequency_penalty": 0.1,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.presence_penalty": 0.0,
        "gen_ai.request.seed": 0,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.top_k": 40,
        "gen_ai.request.top_p": 0.9,
        "server.address": "api.openai.com",
        "server.port": 443,
    }


def test_one_answer_is_what_everybody_asks_for() -> None:
    """The conventions want the count only where it is another."""
    assert record_attributes(replace(REQUEST, choice_count=1)) == NAMED


@pytest.mark.parametrize(
    "name",
    [
        "gen_ai.response.finish_reasons",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.reasoning.output_tokens",
    ],
)
def test_embeddings_have_no_words_to_count(name: str) -> None:
    embedding = replace(ANSWER, operation="embeddings", finish_reason="", output_tokens=0)
    assert name in record_attributes(ANSWER)
    assert name not in record_attributes(embedding)
    assert record_attributes(embedding)["gen_ai.usage.input_tokens"] == 12
