"""Names of attributes, events and metrics.

`gen_ai.*` follows version 1.41 of OpenTelemetry's GenAI conventions, `tta.*` is ours. They are
written out here because the installed `opentelemetry-semantic-conventions` package changes its
experimental names between releases.
"""

from __future__ import annotations

from typing import Final

ERROR_TYPE: Final = "error.type"

GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_USAGE_COST_AMOUNT: Final = "gen_ai.usage.cost.amount"
GEN_AI_USAGE_COST_CURRENCY: Final = "gen_ai.usage.cost.currency"
GEN_AI_USAGE_COST_SOURCE: Final = "gen_ai.usage.cost.source"
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
GEN_AI_WORKFLOW_NAME: Final = "gen_ai.workflow.name"

TTA_OUTCOME: Final = "tta.outcome"
TTA_PRIMITIVE_NAME: Final = "tta.primitive.name"
TTA_PRIMITIVE_PATH: Final = "tta.primitive.path"
TTA_PRIMITIVE_TYPE: Final = "tta.primitive.type"

TTA_BRANCH_TAKEN: Final = "tta.branch.taken"
TTA_CACHE_AGE: Final = "tta.cache.age"
TTA_CACHE_NAME: Final = "tta.cache.name"
TTA_CACHE_RESULT: Final = "tta.cache.result"
TTA_CACHE_SAVED_COST: Final = "tta.cache.saved.cost"
TTA_CACHE_SAVED_DURATION: Final = "tta.cache.saved.duration"
TTA_CACHE_SAVED_INPUT_TOKENS: Final = "tta.cache.saved.input_tokens"
TTA_CACHE_SAVED_OUTPUT_TOKENS: Final = "tta.cache.saved.output_tokens"
TTA_FALLBACK_FROM: Final = "tta.fallback.from"
TTA_FALLBACK_INDEX: Final = "tta.fallback.index"
TTA_FALLBACK_REASON: Final = "tta.fallback.reason"
TTA_FALLBACK_TO: Final = "tta.fallback.to"
TTA_FALLBACK_USED: Final = "tta.fallback.used"
TTA_RETRY_ATTEMPT: Final = "tta.retry.attempt"
TTA_RETRY_ATTEMPTS: Final = "tta.retry.attempts"
TTA_RETRY_DELAY: Final = "tta.retry.delay"
TTA_RETRY_DELAY_BEFORE: Final = "tta.retry.delay_before"
TTA_RETRY_DELAY_TOTAL: Final = "tta.retry.delay_total"
TTA_RETRY_EXHAUSTED: Final = "tta.retry.exhausted"
TTA_RETRY_MAX_ATTEMPTS: Final = "tta.retry.max_attempts"
TTA_ROUTE_CANDIDATES: Final = "tta.route.candidates"
TTA_ROUTE_REASON: Final = "tta.route.reason"
TTA_ROUTE_SELECTED: Final = "tta.route.selected"
TTA_ROUTE_STRATEGY: Final = "tta.route.strategy"
TTA_SAGA_COMPENSATION_RESULT: Final = "tta.saga.compensation.result"
TTA_SAGA_STEP: Final = "tta.saga.step"
TTA_TIMEOUT_ELAPSED: Final = "tta.timeout.elapsed"
TTA_TIMEOUT_LIMIT: Final = "tta.timeout.limit"

EVENT_FALLBACK_ACTIVATED: Final = "tta.fallback.activated"
EVENT_RETRY_SCHEDULED: Final = "tta.retry.scheduled"
EVENT_SAGA_COMPENSATED: Final = "tta.saga.compensated"

METRIC_CACHE_REQUESTS: Final = "tta.cache.requests"
METRIC_FALLBACK_ACTIVATIONS: Final = "tta.fallback.activations"
METRIC_PRIMITIVE_ACTIVE: Final = "tta.primitive.active"
METRIC_PRIMITIVE_DURATION: Final = "tta.primitive.duration"
METRIC_RETRY_ATTEMPTS: Final = "tta.retry.attempts"
METRIC_ROUTE_DECISIONS: Final = "tta.route.decisions"
METRIC_TIMEOUT_EXPIRATIONS: Final = "tta.timeout.expirations"
