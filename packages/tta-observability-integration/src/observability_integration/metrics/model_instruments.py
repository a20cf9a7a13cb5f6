"""The instruments of models, by the version of OpenTelemetry's GenAI conventions asked for.

Version 1.41 has one histogram of tokens; the newest text has a counter for each kind of token
instead. The counters are kept in both, because money is counted by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observability_integration.semconv import names

from .instrument import counter, histogram
from .instruments import OPERATION_BUCKETS, TTA_INSTRUMENTS

if TYPE_CHECKING:
    from observability_integration.semconv.schema import Schema

    from .instrument import Instrument

TOKEN_BUCKETS: Final = tuple(float(4**power) for power in range(14))
WORKFLOW_BUCKETS: Final = (
    *(1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0),
    *(1800.0, 3600.0, 7200.0),
)

_CALL: Final = (
    names.GEN_AI_OPERATION_NAME,
    names.GEN_AI_PROVIDER_NAME,
    names.GEN_AI_REQUEST_MODEL,
    names.GEN_AI_RESPONSE_MODEL,
)
_ENDED: Final = (*_CALL, names.ERROR_TYPE)
_DURATION: Final = "How long models took to answer"
_FIRST_CHUNK: Final = "How long models took for the first chunk of an answer"
_TOKEN: Final = "{token}"  # noqa: S105 - a unit

OPERATION_DURATION: Final = histogram(
    names.METRIC_GEN_AI_OPERATION_DURATION, _ENDED, _DURATION, "s", OPERATION_BUCKETS
)
INFERENCE_DURATION: Final = histogram(
    names.METRIC_GEN_AI_INFERENCE_DURATION, _ENDED, _DURATION, "s", OPERATION_BUCKETS
)
TIME_TO_FIRST_CHUNK: Final = histogram(
    names.METRIC_GEN_AI_TIME_TO_FIRST_CHUNK, _CALL, _FIRST_CHUNK, "s", OPERATION_BUCKETS
)
INFERENCE_TIME_TO_FIRST_CHUNK: Final = histogram(
    names.METRIC_GEN_AI_INFERENCE_TIME_TO_FIRST_CHUNK, _CALL, _FIRST_CHUNK, "s", OPERATION_BUCKETS
)
TOKEN_USAGE: Final = histogram(
    names.METRIC_GEN_AI_TOKEN_USAGE,
    (*_CALL, names.GEN_AI_TOKEN_TYPE),
    "Tokens of a call",
    _TOKEN,
    TOKEN_BUCKETS,
)
INFERENCE_INPUT_TOKENS: Final = histogram(
    names.METRIC_GEN_AI_INFERENCE_INPUT_TOKENS, _CALL, "Input tokens of a call", _TOKEN,
    TOKEN_BUCKETS,
)  # fmt: skip
INFERENCE_OUTPUT_TOKENS: Final = histogram(
    names.METRIC_GEN_AI_INFERENCE_OUTPUT_TOKENS, _CALL, "Output tokens of a call", _TOKEN,
    TOKEN_BUCKETS,
)  # fmt: skip
USAGE_INPUT_TOKENS: Final = counter(
    names.METRIC_GEN_AI_USAGE_INPUT_TOKENS, _CALL, "Input tokens, cached ones included", _TOKEN
)
USAGE_OUTPUT_TOKENS: Final = counter(
    names.METRIC_GEN_AI_USAGE_OUTPUT_TOKENS, _CALL, "Output tokens, reasoning included", _TOKEN
)
USAGE_CACHE_READ_INPUT_TOKENS: Final = counter(
    names.METRIC_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
    _CALL,
    "Input tokens that came from the provider's cache",
    _TOKEN,
)
USAGE_CACHE_WRITE_INPUT_TOKENS: Final = counter(
    names.METRIC_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
    _CALL,
    "Input tokens that went into the provider's cache",
    _TOKEN,
)
USAGE_REASONING_OUTPUT_TOKENS: Final = counter(
    names.METRIC_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
    _CALL,
    "Output tokens that were spent on reasoning",
    _TOKEN,
)
INVOKE_WORKFLOW_DURATION: Final = histogram(
    names.METRIC_GEN_AI_INVOKE_WORKFLOW_DURATION,
    (names.GEN_AI_WORKFLOW_NAME, names.ERROR_TYPE),
    "How long workflows took",
    "s",
    WORKFLOW_BUCKETS,
)
EXECUTE_TOOL_DURATION: Final = histogram(
    names.METRIC_GEN_AI_EXECUTE_TOOL_DURATION,
    (names.GEN_AI_TOOL_NAME, names.ERROR_TYPE),
    "How long tools of models took",
    "s",
    OPERATION_BUCKETS,
)

_USAGE: Final = (
    *(USAGE_INPUT_TOKENS, USAGE_OUTPUT_TOKENS, USAGE_CACHE_READ_INPUT_TOKENS),
    *(USAGE_CACHE_WRITE_INPUT_TOKENS, USAGE_REASONING_OUTPUT_TOKENS),
)
_BY_SCHEMA: Final[dict[Schema, tuple[Instrument[object], ...]]] = {
    "1.41": (OPERATION_DURATION, TIME_TO_FIRST_CHUNK, TOKEN_USAGE),
    "latest": (
        *(INFERENCE_DURATION, INFERENCE_TIME_TO_FIRST_CHUNK),
        *(INFERENCE_INPUT_TOKENS, INFERENCE_OUTPUT_TOKENS),
    ),
}


def instruments(schema: Schema = "1.41") -> tuple[Instrument[object], ...]:
    """Return all instruments there are in a version of the GenAI conventions."""
    return (
        *TTA_INSTRUMENTS,
        *_BY_SCHEMA[schema],
        *_USAGE,
        *(INVOKE_WORKFLOW_DURATION, EXECUTE_TOOL_DURATION),
    )
