"""What a span says about the call it stands for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from observability_integration import TracerPrimitive
from observability_integration.spans import describe as spans
from tta_dev_primitives import (
    ConditionalPrimitive,
    FallbackPrimitive,
    LambdaPrimitive,
    ParallelPrimitive,
    RetryPrimitive,
    RetryStrategy,
    SagaPrimitive,
    SequentialPrimitive,
    TimeoutPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives.core import observe
from tta_dev_primitives.core.routing import RouterPrimitive
from tta_dev_primitives.performance.cache import CachePrimitive

if TYPE_CHECKING:
    from conftest import Recorded


def echo(value: Any) -> Any:
    return value


def fail(value: Any) -> Any:
    raise ValueError(f"cannot answer: {value}")


class Reporting(WorkflowPrimitive[Any, Any]):
    """Reports the record it is given."""

    def __init__(self, *records: object, name: str = "step") -> None:
        self.records, self.name = records, name

    async def execute(self, input_data: Any, context: WorkflowContext | None = None) -> Any:
        for record in self.records:
            observe.report(record)
        return input_data


class OpenAIPrimitive(Reporting):
    """Looks to the tracer like the adapter, without its SDK."""

    __module__ = "tta_dev_primitives.llm.openai"
    model = "gpt-4o"


class Adapted(OpenAIPrimitive):
    """A user's subclass of an adapter."""

    __module__ = "app"


ANSWER = observe.LLMRecord(
    operation="chat",
    provider="openai",
    request_model="gpt-4o-mini",
    response_model="gpt-4o-mini-2024-07-18",
    input_tokens=12,
    output_tokens=34,
    cache_read_input_tokens=2,
    cache_write_input_tokens=1,
    reasoning_output_tokens=5,
    finish_reason="stop",
    duration=0.5,
    time_to_first_chunk=0.1,
    cost=0.00025,
    response_id="chatcmpl-1",
)
FAST = RetryStrategy(max_retries=1)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (CachePrimitive(echo, name="answers"), "cache answers"),
        (RouterPrimitive({"a": echo}, lambda x, ctx: "a", name="models"), "route models"),
        (RetryPrimitive(echo, strategy=FAST, name="again"), "retry again"),
        (RetryPrimitive(echo, strategy=FAST), "retry"),
        (TimeoutPrimitive(echo, 5, name="soon"), "timeout soon"),
        (FallbackPrimitive(echo, echo, name="safe"), "fallback safe"),
        (SagaPrimitive(echo, echo, name="booking"), "saga booking"),
        (SequentialPrimitive([echo], name="steps"), "sequential steps"),
        (ParallelPrimitive([echo], name="both"), "parallel both"),
        (ConditionalPrimitive(lambda x, ctx: True, echo, name="if"), "conditional if"),
        (LambdaPrimitive(echo), "lambda echo"),
        (Reporting(name="mine"), "Reporting mine"),
        (OpenAIPrimitive(), "chat gpt-4o"),
        (Adapted(), "chat gpt-4o"),
    ],
    ids=lambda value: "named" if isinstance(value, str) else f"{type(value).__name__}-{value.name}",
)
async def test_a_span_is_named_after_the_kind_and_name(
    recorded: Recorded, step: WorkflowPrimitive[Any, Any], expected: str
) -> None:
    await SequentialPrimitive([echo, step], name="app").execute(1)
    assert recorded.tree()[:3] == ["invoke_workflow app", "  lambda echo", f"  {expected}"]


async def test_the_outermost_call_is_the_workflow(recorded: Recorded) -> None:
    context = WorkflowContext(workflow_id="w-1", session_id="s-1", correlation_id="c-1")
    await LambdaPrimitive(echo).execute(1, context)
    assert recorded.attributes("invoke_workflow echo") == {
        "tta.primitive.type": "LambdaPrimitive",
        "tta.primitive.name": "echo",
        "tta.primitive.path": "0.echo",
        "tta.outcome": "ok",
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "echo",
        "gen_ai.conversation.id": "s-1",
        "workflow.id": "w-1",
        "workflow.session_id": "s-1",
        "workflow.correlation_id": "c-1",
    }
    assert recorded.named("invoke_workflow echo").kind is SpanKind.INTERNAL


async def test_paths_tell_where_a_step_stands(recorded: Recorded) -> None:
    await SequentialPrimitive([echo, RetryPrimitive(echo, name="r")], name="app").execute(1)
    paths = [(span.attributes or {})["tta.primitive.path"] for span in recorded.spans]
    assert paths == ["0.app", "0.app/0.echo", "0.app/1.r", "0.app/1.r/0.echo"]


async def test_an_outermost_model_call_is_a_chat_not_a_workflow(recorded: Recorded) -> None:
    await OpenAIPrimitive().execute("hi")
    span = recorded.named("chat gpt-4o")
    assert span.kind is SpanKind.CLIENT
    attributes = recorded.attributes("chat gpt-4o")
    assert attributes["gen_ai.provider.name"] == "openai"
    assert attributes["gen_ai.request.model"] == "gpt-4o"
    assert "gen_ai.workflow.name" not in attributes


async def test_an_adapter_without_a_model_is_still_a_chat(recorded: Recorded) -> None:
    step = OpenAIPrimitive()
    step.model = None  # pyright: ignore[reportAttributeAccessIssue] - chosen per request
    await step.execute("hi")
    assert "gen_ai.request.model" not in recorded.attributes("chat")


async def test_a_model_answer_gives_the_span_its_tokens_and_cost(recorded: Recorded) -> None:
    await OpenAIPrimitive(ANSWER).execute("hi")
    attributes = recorded.attributes("chat gpt-4o-mini")
    told = {key: value for key, value in attributes.items() if key.startswith("gen_ai.")}
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.1,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 34,
        "gen_ai.usage.cache_read.input_tokens": 2,
        "gen_ai.usage.cache_creation.input_tokens": 1,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "gen_ai.usage.cost.amount": 0.00025,
        "gen_ai.usage.cost.currency": "USD",
        "gen_ai.usage.cost.source": "local",
    }


def test_an_unknown_price_is_left_out_not_zero() -> None:
    unpriced = observe.LLMRecord("chat", "x", "m", "m", 1, 1, 0, 0, 0, "stop", 0.1, None, None)
    assert not [key for key in spans.record_attributes(unpriced) if "cost" in key]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            observe.CacheRecord("answers", "hit", 2.5, 0.01, 10, 20, 0.4),
            {
                "tta.cache.name": "answers",
                "tta.cache.result": "hit",
                "tta.cache.age": 2.5,
                "tta.cache.saved.cost": 0.01,
                "tta.cache.saved.input_tokens": 10,
                "tta.cache.saved.output_tokens": 20,
                "tta.cache.saved.duration": 0.4,
            },
        ),
        (observe.CacheRecord("", "miss"), {"tta.cache.result": "miss"}),
        (
            observe.RouteRecord("fast", ("fast", "good"), "cheapest", "cost"),
            {
                "tta.route.selected": "fast",
                "tta.route.candidates": ("fast", "good"),
                "tta.route.reason": "cheapest",
                "tta.route.strategy": "cost",
            },
        ),
        (
            observe.RetryRecord(2, 3, 0.5, exhausted=False),
            {
                "tta.retry.attempts": 2,
                "tta.retry.max_attempts": 3,
                "tta.retry.delay_total": 0.5,
                "tta.retry.exhausted": False,
            },
        ),
        (
            observe.TimeoutRecord(1.0, 1.2),
            {"tta.timeout.limit": 1.0, "tta.timeout.elapsed": 1.2},
        ),
        (
            observe.FallbackRecord("plain", 1, "ValueError"),
            {
                "tta.fallback.used": "plain",
                "tta.fallback.index": 1,
                "tta.fallback.reason": "ValueError",
            },
        ),
        (observe.BranchRecord("then"), {"tta.branch.taken": "then"}),
        (
            observe.SagaRecord("book", "error", 3, 2),
            {
                "tta.saga.step": "book",
                "tta.saga.steps": 3,
                "tta.saga.compensated": 2,
                "tta.saga.compensation.result": "error",
            },
        ),
        (
            observe.BreakerRecord("search", "open", 0.5, "rejected"),
            {
                "tta.breaker.name": "search",
                "tta.breaker.state": "open",
                "tta.breaker.failure_rate": 0.5,
                "tta.breaker.result": "rejected",
            },
        ),
        (
            observe.RateLimitRecord(0.5, 60.0, 3.0, "waited"),
            {
                "tta.ratelimit.wait": 0.5,
                "tta.ratelimit.limit": 60.0,
                "tta.ratelimit.remaining": 3.0,
                "tta.ratelimit.result": "waited",
            },
        ),
        (
            observe.HedgeRecord(2, None, 0.3, 0.01),
            {"tta.hedge.launched": 2, "tta.hedge.delay": 0.3, "tta.hedge.wasted_cost": 0.01},
        ),
        (
            observe.BudgetRecord("day", "ada", "usd", 0.1, 4.9, "allowed"),
            {
                "tta.budget.name": "day",
                "tta.budget.unit": "usd",
                "tta.budget.reserved": 0.1,
                "tta.budget.remaining": 4.9,
                "tta.budget.result": "allowed",
            },
        ),
        ("a record of somebody else", {}),
    ],
    ids=[
        "hit",
        "miss",
        "route",
        "retry",
        "timeout",
        "fallback",
        "branch",
        "saga",
        "breaker",
        "rate-limit",
        "hedge",
        "budget",
        "unknown",
    ],
)
async def test_a_record_becomes_the_attributes_of_its_name(
    recorded: Recorded, record: object, expected: dict[str, object]
) -> None:
    await SequentialPrimitive([Reporting(record)]).execute(1)
    attributes = recorded.attributes("Reporting step")
    told = {
        key: value
        for key, value in attributes.items()
        if not key.startswith(("tta.primitive", "tta.outcome"))
    }
    assert told == expected


async def test_real_retries_number_their_attempts(recorded: Recorded) -> None:
    answers = iter([ValueError("first"), "fine"])

    def flaky(value: object) -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    await RetryPrimitive(flaky, strategy=FAST, random=lambda: 0, name="r").execute(1)
    retry, first, second = recorded.spans
    assert (first.attributes or {})["tta.retry.attempt"] == 1
    assert (second.attributes or {})["tta.retry.attempt"] == 2
    (event,) = retry.events
    assert event.name == "tta.retry.scheduled"
    scheduled = dict(event.attributes or {})
    assert scheduled["error.type"] == "ValueError"
    assert scheduled["tta.retry.delay"] == (second.attributes or {})["tta.retry.delay_before"]
    assert "tta.retry.attempt" not in (retry.attributes or {})
    assert (retry.attributes or {})["tta.retry.attempts"] == 2


async def test_a_real_cache_tells_miss_then_hit(recorded: Recorded) -> None:
    cache = CachePrimitive(echo, name="answers")
    await cache.execute("q")
    await cache.execute("q")
    told = [
        ((span.attributes or {}).get("tta.cache.result"), (span.attributes or {})["tta.outcome"])
        for span in recorded.spans
        if span.parent is None
    ]
    assert told == [("miss", "ok"), ("hit", "hit")]


async def test_a_real_fallback_is_told_as_attribute_event_and_outcome(recorded: Recorded) -> None:
    await FallbackPrimitive(fail, LambdaPrimitive(echo, name="plain")).execute(1)
    span = recorded.named("invoke_workflow Fallback")
    attributes = recorded.attributes("invoke_workflow Fallback")
    assert attributes["tta.fallback.used"] == "plain"
    assert attributes["tta.outcome"] == "fallback"
    assert [event.name for event in span.events] == ["tta.fallback.activated"]
    assert span.status.status_code is StatusCode.UNSET


async def test_a_failed_call_has_its_errors_type_and_no_text(recorded: Recorded) -> None:
    """Messages of errors may quote a prompt, so they stay out of traces."""
    with pytest.raises(ValueError, match="the prompt"):
        await SequentialPrimitive([fail], name="app").execute("the prompt")
    for span in recorded.spans:
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description == "ValueError"
        assert (span.attributes or {})["error.type"] == "ValueError"
        assert (span.attributes or {})["tta.outcome"] == "error"
        assert "the prompt" not in span.to_json()


async def test_a_timeout_has_the_error_type_of_the_conventions(recorded: Recorded) -> None:
    async def forever(value: object) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await TimeoutPrimitive(forever, 0.001, name="soon").execute(1)
    attributes = recorded.attributes("invoke_workflow soon")
    assert attributes["error.type"] == "timeout"
    assert attributes["tta.outcome"] == "timeout"
    assert attributes["tta.timeout.limit"] == 0.001
    assert recorded.attributes("lambda forever")["tta.outcome"] == "cancelled"


async def test_a_late_record_does_not_reach_an_ended_span(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    step = LambdaPrimitive(echo)
    token = recorded.observer.start(step, "0.echo", WorkflowContext())
    recorded.observer.end(token, "ok", None)
    recorded.observer.event(token, observe.BranchRecord("then"))
    assert "tta.branch.taken" not in recorded.attributes("invoke_workflow echo")
    assert caplog.records == []


async def test_without_a_provider_tracing_does_nothing_and_breaks_nothing(fresh: None) -> None:
    with observe.observe(TracerPrimitive()):
        assert await RetryPrimitive(echo).execute(3) == 3


async def test_a_real_adapter_is_traced_whole_and_streamed(
    recorded: Recorded,
) -> None:
    pytest.importorskip("openai", reason="no openai; uv add 'tta-dev-primitives[openai]'")
    pytest.importorskip("h11", reason="no h11; uv add 'tta-dev-primitives[testing]'")
    from tta_dev_primitives import OpenAIPrimitive as Adapter
    from tta_dev_primitives.testing.llm_server import LLMServer, count_tokens

    async with (
        LLMServer(answer=lambda request: "the answer") as server,
        Adapter("gpt-4o-mini", base_url=server.openai_base_url, api_key="k") as model,
    ):
        await model.execute("the prompt")
        async for _ in SequentialPrimitive([model], name="app").stream("the prompt"):
            pass
    whole, root, streamed = recorded.spans
    assert (whole.name, root.name, streamed.name) == (
        "chat gpt-4o-mini",
        "invoke_workflow app",
        "chat gpt-4o-mini",
    )
    assert streamed.parent == root.context
    for span in (whole, streamed):
        attributes = span.attributes or {}
        assert span.kind is SpanKind.CLIENT
        assert attributes["gen_ai.usage.output_tokens"] == count_tokens("the answer")
        assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
        assert "the prompt" not in span.to_json()
        assert "the answer" not in span.to_json()
    assert "gen_ai.response.time_to_first_chunk" in (streamed.attributes or {})
