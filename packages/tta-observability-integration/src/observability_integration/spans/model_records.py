"""What a call of a model adds to its span: what was asked for, and what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from observability_integration.semconv import names as semconv
from tta_dev_primitives.core import observe

if TYPE_CHECKING:
    from .limits import Attributes


def inference_name(record: object) -> str | None:
    """Return what a span is called that *record* shows to be the call of a model."""
    if not isinstance(record, observe.LLMRecord | observe.LLMRequestRecord):
        return None
    model = record.request_model
    return f"{record.operation} {model}" if model else record.operation


def request_attributes(record: observe.LLMRequestRecord) -> Attributes:
    """Return what a model was asked for; what was not said is left out."""
    several = record.choice_count if record.choice_count != 1 else None
    return _without_none(
        {
            semconv.GEN_AI_OPERATION_NAME: record.operation,
            semconv.GEN_AI_PROVIDER_NAME: record.provider,
            semconv.GEN_AI_REQUEST_MODEL: record.request_model or None,
            semconv.GEN_AI_CONVERSATION_ID: record.conversation_id,
            semconv.GEN_AI_OUTPUT_TYPE: record.output_type,
            semconv.GEN_AI_REQUEST_STREAM: record.stream or None,
            semconv.GEN_AI_REQUEST_MAX_TOKENS: record.max_tokens,
            semconv.GEN_AI_REQUEST_TEMPERATURE: record.temperature,
            semconv.GEN_AI_REQUEST_TOP_P: record.top_p,
            semconv.GEN_AI_REQUEST_TOP_K: record.top_k,
            semconv.GEN_AI_REQUEST_SEED: record.seed,
            semconv.GEN_AI_REQUEST_STOP_SEQUENCES: record.stop_sequences or None,
            semconv.GEN_AI_REQUEST_CHOICE_COUNT: several,
            semconv.GEN_AI_REQUEST_FREQUENCY_PENALTY: record.frequency_penalty,
            semconv.GEN_AI_REQUEST_PRESENCE_PENALTY: record.presence_penalty,
            semconv.SERVER_ADDRESS: record.server_address,
            semconv.SERVER_PORT: record.server_port,
        }
    )


def answer_attributes(record: observe.LLMRecord) -> Attributes:
    """Return what a model answered with; an unknown price is left out, and is not 0."""
    priced = record.cost is not None
    embeds = record.operation == "embeddings"  # which come without words, and for no reason
    return _without_none(
        {
            semconv.GEN_AI_OPERATION_NAME: record.operation,
            semconv.GEN_AI_PROVIDER_NAME: record.provider,
            semconv.GEN_AI_REQUEST_MODEL: record.request_model or None,
            semconv.GEN_AI_RESPONSE_MODEL: record.response_model or None,
            semconv.GEN_AI_RESPONSE_ID: record.response_id,
            semconv.GEN_AI_RESPONSE_FINISH_REASONS: None if embeds else (record.finish_reason,),
            semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: record.time_to_first_chunk,
            semconv.GEN_AI_USAGE_INPUT_TOKENS: record.input_tokens,
            semconv.GEN_AI_USAGE_OUTPUT_TOKENS: None if embeds else record.output_tokens,
            semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: record.cache_read_input_tokens,
            semconv.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: record.cache_write_input_tokens,
            semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: None
            if embeds
            else record.reasoning_output_tokens,
            semconv.GEN_AI_USAGE_COST_AMOUNT: record.cost,
            semconv.GEN_AI_USAGE_COST_CURRENCY: "USD" if priced else None,
            semconv.GEN_AI_USAGE_COST_SOURCE: "local" if priced else None,
        }
    )


def _without_none(attributes: dict[str, Any]) -> Attributes:  # Any: None among the values
    return {key: value for key, value in attributes.items() if value is not None}
