"""What primitives tell their observers: one typed record for each kind of decision.

Names and fields follow the attributes of the tracing vocabulary (`CacheRecord.result` is the span
attribute `tta.cache.result`), so an observer can copy them without a table of its own. A new
primitive adds its record here; `core.observe` hands them all on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

CacheResult: TypeAlias = Literal["hit", "miss", "stale", "bypass", "coalesced"]


@dataclass(slots=True)
class CacheRecord:
    """What a cache answered; the `saved` fields are set on a hit where they are known."""

    name: str
    result: CacheResult
    age: float | None = None
    saved_cost: float | None = None
    saved_input_tokens: int | None = None
    saved_output_tokens: int | None = None
    saved_duration: float | None = None


@dataclass(slots=True)
class RouteRecord:
    """Where a router sent a call and why."""

    selected: str
    candidates: tuple[str, ...]
    reason: str
    strategy: str


@dataclass(slots=True)
class RetryScheduledRecord:
    """Attempt number *attempt* failed and another follows after *delay* seconds."""

    attempt: int
    delay: float
    error_type: str


@dataclass(slots=True)
class RetryRecord:
    """How a retried call ended: sent once per call, after the last attempt."""

    attempts: int
    max_attempts: int
    delay_total: float
    exhausted: bool


@dataclass(slots=True)
class TimeoutRecord:
    """A limit of *limit* seconds passed after *elapsed* seconds."""

    limit: float
    elapsed: float


@dataclass(slots=True)
class FallbackRecord:
    """The primary failed and the alternative with number *index* runs."""

    used: str
    index: int
    reason: str


BreakerState: TypeAlias = Literal["closed", "open", "half_open"]


@dataclass(slots=True)
class BreakerRecord:
    """What a circuit breaker knew when it let a call through or refused it."""

    name: str
    state: BreakerState
    failure_rate: float
    result: Literal["allowed", "rejected", "shadow"] = "allowed"


@dataclass(slots=True)
class BreakerTransitionRecord:
    """A circuit breaker went from one state to another."""

    name: str
    from_state: BreakerState
    to_state: BreakerState
    reason: str


@dataclass(slots=True)
class RateLimitRecord:
    """What a rate limit or bulkhead decided about a call, after *wait* seconds."""

    wait: float
    limit: float
    remaining: float
    result: Literal["allowed", "waited", "rejected", "shadow"]


@dataclass(slots=True)
class HedgeRecord:
    """How a hedged call ended: calls begun, which of them won (from 0), and what was thrown away.

    `winner` is None when all failed; `wasted_cost` is in US dollars, None where not known; with
    `shadow` the calls after the first were counted and not made.
    """

    launched: int
    winner: int | None
    delay: float
    wasted_cost: float | None = None
    shadow: bool = False


@dataclass(slots=True)
class BudgetRecord:
    """What a budget decided about a call; amounts in the budget's own unit."""

    name: str
    scope: str
    unit: Literal["usd", "tokens"]
    reserved: float
    remaining: float
    result: Literal["allowed", "rejected", "shadow"]


BatchReason: TypeAlias = Literal["tick", "window", "full", "deadline"]


@dataclass(slots=True)
class BatchRecord:
    """The batch that a call was part of: sent once per call, when its batch was sent off.

    `reason` is why it gathered no longer: the tick or the window was over, there was no more room,
    or a caller could not wait.
    """

    size: int
    max_size: int
    reason: BatchReason


@dataclass(slots=True)
class LoopRecord:
    """How a loop ended: sent once per call, with the iterations that were begun."""

    iterations: int
    max_iterations: int
    exhausted: bool


FaultKind: TypeAlias = Literal["latency", "error", "abort", "malformed"]


@dataclass(slots=True)
class FaultRecord:
    """What is injected into a call on purpose; nothing is sent for a call that is spared."""

    injected: tuple[FaultKind, ...]


@dataclass(slots=True)
class BranchRecord:
    """Which branch of a conditional was taken."""

    taken: str


@dataclass(slots=True)
class SagaRecord:
    """A saga failed at *step* and undid what it had done: sent once, after the last undo.

    `compensation_result` is `ok` when every undo went well, else how the first one failed that
    did; `steps` counts those of the saga, `compensated` the undos that ran.
    """

    step: str
    compensation_result: Literal["ok", "error", "timeout"]
    steps: int = 1
    compensated: int = 1


@dataclass(slots=True)
class SagaStepRecord:
    """The call is step *number* of a saga, counted from 1: sent as it begins.

    `marks` is for observers, each under a key of its own: what they know the call by, so that they
    find it again when the step is undone.
    """

    step: str
    number: int
    marks: dict[object, object] = field(
        default_factory=dict[object, object], compare=False, repr=False
    )


@dataclass(slots=True)
class SagaUndoRecord:
    """The call undoes a step of a saga: sent as it begins.

    `undoes` is the very record that the step sent, None where nobody watched then.
    """

    step: str
    number: int
    undoes: SagaStepRecord | None = None


@dataclass(slots=True)
class MapItemRecord:
    """The call works on input number *index* of a `map`, counted from 0: sent as it begins."""

    index: int


@dataclass(slots=True)
class MapRecord:
    """How a `map` ended, within the call that made it: sent once, with the items that were worked.

    `complete` is False where the inputs were not all used: the loop over the items was left, or
    something raised.
    """

    name: str
    items: int
    failed: int
    complete: bool


OutputType: TypeAlias = Literal["text", "json", "image", "speech"]


@dataclass(slots=True)
class LLMRequestRecord:
    """What a model is asked for: sent just before the request; what was not said is None."""

    operation: str
    provider: str
    request_model: str
    server_address: str | None = None
    server_port: int | None = None
    conversation_id: str | None = None
    output_type: OutputType | None = None
    stream: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    stop_sequences: tuple[str, ...] | None = None
    choice_count: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None


@dataclass(slots=True)
class LLMContentRecord:
    """What was said to a model and by it: sent only while some observer `captures_content`.

    Once per request, at its end; where there was no answer `output_messages` is None. Messages
    are in the chat form (role, content, tool calls), an answer has its `finish_reason` too. They
    are copies: nobody changes them any more.
    """

    input_messages: tuple[Mapping[str, Any], ...]  # Any: JSON
    output_messages: tuple[Mapping[str, Any], ...] | None = None
    system_instructions: tuple[Mapping[str, Any], ...] | None = None
    tool_definitions: tuple[Mapping[str, Any], ...] | None = None


@dataclass(slots=True)
class LLMRecord:
    """One answer of a model: sent once per request that the provider answered."""

    operation: str
    provider: str
    request_model: str
    response_model: str
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_write_input_tokens: int
    reasoning_output_tokens: int
    finish_reason: str
    duration: float
    time_to_first_chunk: float | None
    cost: float | None
    response_id: str | None = None
