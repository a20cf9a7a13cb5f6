"""What a recorded request says about itself."""

from __future__ import annotations

from dataclasses import replace

from tta_dev_primitives.devtools.traffic.request import Answer, TokenUsage, TrafficRequest

RECORDED = TokenUsage(10, 5)
REQUEST = TrafficRequest(
    "r-1",
    1_764_000_000.0,
    "small-model",
    RECORDED,
    answers={"big-model": Answer(1.0, TokenUsage(11, 50)), "small-model": Answer(0.5)},
)


def test_request_without_conversation_is_one_of_its_own() -> None:
    """All requests without a conversation were drawn as one."""
    assert REQUEST.cluster == "r-1"
    assert replace(REQUEST, conversation="visit-1").cluster == "visit-1"


def test_score_is_that_of_the_model() -> None:
    """A model that nobody scored had the score of another."""
    scores = [REQUEST.score_of(model) for model in ("big-model", "small-model", "other-model")]
    assert scores == [1.0, 0.5, None]


def test_tokens_are_those_of_the_model_where_they_are_known() -> None:
    """The dearer model was paid for the tokens of the cheaper one."""
    assert REQUEST.usage_of("big-model") == TokenUsage(11, 50)
    assert REQUEST.usage_of("small-model") == REQUEST.usage_of("other-model") == RECORDED
