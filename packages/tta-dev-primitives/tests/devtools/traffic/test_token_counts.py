"""Tokens in the forms of the APIs, where the same word counts different things."""

from __future__ import annotations

from typing import Any

import pytest

from tta_dev_primitives.devtools.traffic.errors import RequestError
from tta_dev_primitives.devtools.traffic.request import TokenUsage
from tta_dev_primitives.devtools.traffic.token_counts import usage_of

FORMS = {
    "own": ({"input": 10, "output": 5}, TokenUsage(10, 5)),
    "own-cached": (
        {"input": 10, "output": 5, "cached": 4, "cache_written": 3},
        TokenUsage(10, 5, 4, 3),
    ),
    "own-null": ({"input": 10, "output": 5, "cached": None}, TokenUsage(10, 5)),
    "whole-number-with-a-point": ({"input": 10.0, "output": 5}, TokenUsage(10, 5)),
    "chat": (
        {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        TokenUsage(10, 5),
    ),
    "chat-cached-within": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
        },
        TokenUsage(10, 5, 8),
    ),
    "chat-reasoning-within": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "completion_tokens_details": {"reasoning_tokens": 4},
        },
        TokenUsage(10, 5),
    ),
    "chat-reasoning-apart": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 19,
            "completion_tokens_details": {"reasoning_tokens": 4},
        },
        TokenUsage(10, 9),
    ),
    "chat-reasoning-apart-and-unnamed": (
        {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 19},
        TokenUsage(10, 9),
    ),
    "chat-without-details": (
        {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": None},
        TokenUsage(10, 5),
    ),
    "chat-cache-written": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 6},
        },
        TokenUsage(10, 5, 0, 6),
    ),
    "deepseek": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_cache_hit_tokens": 7,
            "prompt_cache_miss_tokens": 3,
        },
        TokenUsage(10, 5, 7),
    ),
    "embeddings": ({"prompt_tokens": 10, "total_tokens": 10}, TokenUsage(10, 0)),
    "responses-cached-within": (
        {
            "input_tokens": 10,
            "output_tokens": 5,
            "input_tokens_details": {"cached_tokens": 8},
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 15,
        },
        TokenUsage(10, 5, 8),
    ),
    "anthropic-cached-apart": (
        {
            "input_tokens": 10,
            "output_tokens": 5,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 20,
            "service_tier": "standard",
        },
        TokenUsage(130, 5, 100, 20),
    ),
    "anthropic-written-only": (
        {"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 20},
        TokenUsage(30, 5, 0, 20),
    ),
    "anthropic-no-cache": (
        {
            "input_tokens": 10,
            "output_tokens": 5,
            "cache_read_input_tokens": None,
            "cache_creation_input_tokens": 0,
        },
        TokenUsage(10, 5),
    ),
}


@pytest.mark.parametrize(("counts", "usage"), FORMS.values(), ids=FORMS)
def test_forms_of_the_apis(counts: dict[str, Any], usage: TokenUsage) -> None:
    """Cached tokens were paid twice, or never."""
    assert usage_of(counts) == usage


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"input_tokens": 10}, "usage.output_tokens is missing"),
        ({"prompt_tokens": None}, "usage.prompt_tokens is null"),
        (
            {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": 5},
            "usage.prompt_tokens_details must be an object, got 5",
        ),
        (
            {"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": -5},
            "usage.cache_read_input_tokens is -5",
        ),
        (
            {
                "input_tokens": 1,
                "output_tokens": 1,
                "input_tokens_details": {"cached_tokens": 2},
            },
            "usage has 2 cached",
        ),
    ],
    ids=["half-an-answer", "null", "details", "negative", "cached-above-input"],
)
def test_wrong_counts_are_told(counts: dict[str, Any], said: str) -> None:
    """A count that cannot be became a cost."""
    with pytest.raises(RequestError, match=said):
        usage_of(counts)
