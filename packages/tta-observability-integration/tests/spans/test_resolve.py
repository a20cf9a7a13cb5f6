"""What becomes of a light span before it is exported."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode

from observability_integration.spans.call_span import CallPlace, CallSpan
from observability_integration.spans.content import ContentCapture, ContentMode
from observability_integration.spans.light_span import (
    LightSpan,
    Scope,
    SpanDetails,
    SpanEvent,
    SpanSite,
)
from observability_integration.spans.limits import DEFAULT_LIMITS, SpanLimits
from observability_integration.spans.resolve import Resolver
from tta_dev_primitives import WorkflowContext
from tta_dev_primitives.core import observe

HIT = observe.CacheRecord("answers", "hit", age=2.5)
TOLD = {"tta.cache.result": "hit", "tta.cache.name": "answers", "tta.cache.age": 2.5}
ANSWER = observe.LLMRecord(
    operation="chat",
    provider="openai",
    request_model="gpt-4o-mini",
    response_model="m",
    input_tokens=12,
    output_tokens=34,
    cache_read_input_tokens=0,
    cache_write_input_tokens=3,
    reasoning_output_tokens=0,
    finish_reason="stop",
    duration=0.5,
    time_to_first_chunk=None,
    cost=None,
)
CONTENT = observe.LLMContentRecord(({"role": "user", "content": "the prompt"},))


def span_with(
    *records: object, limits: SpanLimits = DEFAULT_LIMITS, name: str = "step", span_id: int = 2
) -> CallSpan:
    """A span that ended, with what it was told, a nanosecond after the other."""
    site = SpanSite(name, SpanKind.INTERNAL, {"tta.primitive.name": name}, Scope("t"), limits)
    place = CallPlace(site, None, is_retry=False, is_hidden=False)
    span = CallSpan(place, 1, span_id, 0, 100, None, None, 0)
    span.records = [(101 + number, record) for number, record in enumerate(records)] or None
    span.end_ns = 200
    return span


def own(span: LightSpan) -> dict[str, Any]:
    return {} if span.details is None else dict(span.details.attributes)


def test_records_become_attributes_and_are_let_go() -> None:
    span = span_with(HIT)
    Resolver().resolve(span)
    assert own(span) == TOLD
    assert span.records is None


def test_a_span_that_kept_nothing_gets_no_details() -> None:
    """Most spans have none, and every one would be paid for."""
    span = span_with()
    Resolver().resolve(span)
    assert span.details is None


def test_a_span_of_the_users_own_is_left_alone() -> None:
    site = SpanSite("own", SpanKind.INTERNAL, {}, Scope("t"))
    span = LightSpan(site, 1, 2, 0, 100, None)
    span.details = SpanDetails()
    span.details.attributes = {"gen_ai.usage.cache_creation.input_tokens": 1}
    Resolver("latest").resolve(span)
    assert own(span) == {"gen_ai.usage.cache_creation.input_tokens": 1}


def test_what_was_set_by_hand_stays() -> None:
    span = span_with(HIT, ANSWER)
    span.details = SpanDetails()
    span.details.name = "mine"
    span.details.attributes = {"tta.cache.name": "mine", "more": 1}
    Resolver().resolve(span)
    assert span.name == "mine"
    assert own(span)["tta.cache.name"] == "mine"
    assert own(span)["tta.cache.result"] == "hit"
    assert own(span)["more"] == 1


def test_of_several_records_the_last_word_counts() -> None:
    span = span_with(observe.BranchRecord("then"), observe.BranchRecord("else"))
    Resolver().resolve(span)
    assert own(span) == {"tta.branch.taken": "else"}


def test_resolving_again_changes_nothing() -> None:
    """A pipeline may hand the same span to two resolvers."""
    span = span_with(HIT, ANSWER, observe.FallbackRecord("b", 1, "E"), CONTENT)
    span.error_type, span.attempt, span.run = "ValueError", (2, 0.5), WorkflowContext()
    resolver = Resolver("latest", ContentCapture(ContentMode.SPAN_AND_EVENT))
    resolver.resolve(span)
    first = (span.name, span.attributes, list(span.events), list(span.links), span.status_code)
    resolver.resolve(span)
    assert first == (
        span.name,
        span.attributes,
        list(span.events),
        list(span.links),
        span.status_code,
    )


def test_an_event_stands_at_its_time_among_those_of_the_user() -> None:
    span = span_with(
        observe.RetryScheduledRecord(1, 0.5, "E"), observe.RetryScheduledRecord(2, 1.0, "E")
    )
    span.details = SpanDetails()
    span.details.events = [SpanEvent("before", 50, {}), SpanEvent("between", 101, {})]
    span.details.events.append(SpanEvent("after", 150, {}))
    Resolver().resolve(span)
    assert [(event.name, event.time_ns) for event in span.events] == [
        ("before", 50),
        ("between", 101),
        ("tta.retry.scheduled", 101),
        ("tta.retry.scheduled", 102),
        ("after", 150),
    ]
    assert span.events[2].attributes == {
        "tta.retry.attempt": 1,
        "tta.retry.delay": 0.5,
        "error.type": "E",
    }


def test_the_attempts_to_come_are_no_attributes_of_the_retry() -> None:
    span = span_with(observe.RetryScheduledRecord(1, 0.5, "E"))
    Resolver().resolve(span)
    assert own(span) == {}


def test_an_attempt_tells_its_number_and_its_wait() -> None:
    span = span_with()
    span.attempt = (2, 0.25)
    Resolver().resolve(span)
    assert own(span) == {"tta.retry.attempt": 2, "tta.retry.delay_before": 0.25}


def test_a_root_tells_whose_run_it_is() -> None:
    span = span_with()
    span.run = WorkflowContext(workflow_id="w", session_id="s", correlation_id="c")
    Resolver().resolve(span)
    assert own(span) == {
        "gen_ai.conversation.id": "s",
        "workflow.id": "w",
        "workflow.session_id": "s",
        "workflow.correlation_id": "c",
    }
    assert span.run is None  # it may be large, and spans may wait long


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (ANSWER, "chat gpt-4o-mini"),
        (observe.LLMRequestRecord("chat", "openai", "gpt-4o"), "chat gpt-4o"),
        (observe.LLMRequestRecord("embeddings", "openai", "e-3"), "embeddings e-3"),
        (observe.LLMRequestRecord("chat", "openai", ""), "chat"),
        (HIT, "step"),
    ],
    ids=["answer", "request", "embeddings", "no-model", "cache"],
)
def test_the_call_of_a_model_is_named_after_it(record: object, name: str) -> None:
    span = span_with(record)
    Resolver().resolve(span)
    assert span.name == name


def test_a_name_that_was_right_is_not_kept_twice() -> None:
    """Encoders keep the bytes of the place's name."""
    span = span_with(ANSWER, name="chat gpt-4o-mini")
    Resolver().resolve(span)
    assert span.details is not None
    assert span.details.name is None


@pytest.mark.parametrize(
    ("status", "expected"),
    [(StatusCode.UNSET, StatusCode.ERROR), (StatusCode.OK, StatusCode.OK)],
    ids=["unset", "set-by-hand"],
)
def test_a_failed_call_is_marked_as_failed(status: StatusCode, expected: StatusCode) -> None:
    span = span_with()
    span.error_type, span.status_code = "ValueError", status
    Resolver().resolve(span)
    assert span.status_code is expected


def test_the_newest_schema_has_its_names() -> None:
    span = span_with(ANSWER)
    Resolver("latest").resolve(span)
    assert own(span)["gen_ai.usage.cache_write.input_tokens"] == 3
    assert "gen_ai.usage.cache_creation.input_tokens" not in own(span)


def test_an_undo_is_linked_with_the_step_it_undoes() -> None:
    step = observe.SagaStepRecord("pay", 2)
    done, undo = span_with(step, span_id=7), span_with(observe.SagaUndoRecord("pay", 2, step))
    resolver = Resolver()
    for span in (done, undo):
        resolver.resolve(span)
    (link,) = undo.links
    assert (link.context.trace_id, link.context.span_id) == (1, 7)
    assert own(done) == {"tta.saga.step": "pay"}
    assert own(undo) == {"tta.saga.step": "pay", "tta.saga.undo": True}


@pytest.mark.parametrize(
    "step", [None, observe.SagaStepRecord("pay", 2)], ids=["nobody-watched", "no-span"]
)
def test_an_undo_of_a_step_without_a_span_has_no_link(step: Any) -> None:
    undo = span_with(observe.SagaUndoRecord("pay", 2, step))
    Resolver().resolve(undo)
    assert undo.links == []


@pytest.mark.parametrize(
    ("mode", "attributes", "events"),
    [
        (None, 0, 0),
        (ContentMode.NO_CONTENT, 0, 0),
        (ContentMode.SPAN_ONLY, 1, 0),
        (ContentMode.EVENT_ONLY, 0, 1),
        (ContentMode.SPAN_AND_EVENT, 1, 1),
    ],
    ids=str,
)
def test_what_was_said_goes_where_it_was_asked_to(
    mode: ContentMode | None, attributes: int, events: int
) -> None:
    span = span_with(CONTENT)
    Resolver(content=None if mode is None else ContentCapture(mode)).resolve(span)
    assert len(own(span)) == attributes
    assert len(span.events) == events
    told = [*own(span).values(), *(v for event in span.events for v in event.attributes.values())]
    for text in told:
        assert json.loads(str(text)) == [
            {"role": "user", "parts": [{"type": "text", "content": "the prompt"}]}
        ]
    for event in span.events:
        assert event.name == "gen_ai.client.inference.operation.details"
    if not told:
        assert "the prompt" not in repr(span.attributes)
    assert span.records is None


def test_limits_hold_and_what_is_beyond_is_counted() -> None:
    """What was set by hand has the first place."""
    limits = SpanLimits(attributes=2, events=1, links=1, value_length=4)
    step = observe.SagaStepRecord("pay", 1)
    done = span_with(step, span_id=7)
    span = span_with(
        HIT,
        observe.FallbackRecord("b", 1, "E"),
        observe.SagaUndoRecord("pay", 1, step),
        limits=limits,
    )
    details = span.details = SpanDetails(limits)
    details.attributes, details.events = {"mine": 1}, [SpanEvent("mine", 1, {})]
    details.links = [Link(SpanContext(1, 3, is_remote=False))]
    resolver = Resolver()
    for one in (done, span):
        resolver.resolve(one)
    assert len(details.attributes) == 2
    assert details.attributes["mine"] == 1
    assert details.dropped_attributes == 8 - 1  # three, three and two, and room for one
    assert [event.name for event in details.events] == ["tta.fallback.activated"]
    assert details.dropped_events == 1
    assert [link.context.span_id for link in details.links] == [7]
    assert details.dropped_links == 1


def test_what_was_set_by_hand_takes_no_room_twice() -> None:
    limits = SpanLimits(attributes=3)
    span = span_with(HIT, limits=limits)
    details = span.details = SpanDetails(limits)
    details.attributes = {"tta.cache.name": "mine"}
    Resolver().resolve(span)
    assert details.attributes == {**TOLD, "tta.cache.name": "mine"}
    assert details.dropped_attributes == 0


def test_long_values_are_cut_where_that_is_asked_for() -> None:
    span = span_with(observe.BranchRecord("a long one"), limits=SpanLimits(value_length=6))
    Resolver().resolve(span)
    assert own(span) == {"tta.branch.taken": "a long"}


def test_a_record_of_somebody_else_says_nothing() -> None:
    span = span_with("hello", object())
    Resolver().resolve(span)
    assert own(span) == {}
