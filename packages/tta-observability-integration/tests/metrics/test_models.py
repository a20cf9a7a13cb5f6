"""What calls of models count, in both versions of the conventions."""

from __future__ import annotations

from typing import Any

import pytest

from observability_integration.metrics.model_instruments import instruments
from observability_integration.metrics.recorder import PlaceMetrics, Recorder
from observability_integration.semconv.schema import SCHEMAS, Schema
from tta_dev_primitives import LambdaPrimitive, OpenAIPrimitive
from tta_dev_primitives.core.observe import LLMRecord, LLMRequestRecord

from .counted import KINDS, MeterCounted, RegistryCounted, everything, points, told
from .spans_of_calls import ended_span

ANSWER = LLMRecord(
    operation="chat",
    provider="openai",
    request_model="small",
    response_model="small-2026",
    input_tokens=100,
    output_tokens=20,
    cache_read_input_tokens=40,
    cache_write_input_tokens=5,
    reasoning_output_tokens=8,
    finish_reason="stop",
    duration=1.5,
    time_to_first_chunk=0.25,
    cost=0.002,
)
# Operation, provider, asked model, answering model: in the order of the names of the labels.
CALL = ("chat", "openai", "small", "small-2026")
COUNTERS = {
    "gen_ai.client.inference.usage.input_tokens": {CALL: 100},
    "gen_ai.client.inference.usage.output_tokens": {CALL: 20},
    "gen_ai.client.inference.usage.cache_read.input_tokens": {CALL: 40},
    "gen_ai.client.inference.usage.cache_write.input_tokens": {CALL: 5},
    "gen_ai.client.inference.usage.reasoning.output_tokens": {CALL: 8},
    "tta.llm.cost": {("openai", "small", "0.m"): 0.002},
}
EXPECTED: dict[Schema, dict[str, dict[tuple[Any, ...], Any]]] = {
    "1.41": {
        **COUNTERS,
        "gen_ai.client.operation.duration": {CALL: (1.5, 1)},
        "gen_ai.client.operation.time_to_first_chunk": {CALL: (0.25, 1)},
        "gen_ai.client.token.usage": {
            (*CALL, "input"): (100, 1),
            (*CALL, "output"): (20, 1),
        },
    },
    "latest": {
        **COUNTERS,
        "gen_ai.client.inference.duration": {CALL: (1.5, 1)},
        "gen_ai.client.inference.time_to_first_chunk": {CALL: (0.25, 1)},
        "gen_ai.client.inference.operation.input_tokens": {CALL: (100, 1)},
        "gen_ai.client.inference.operation.output_tokens": {CALL: (20, 1)},
    },
}


def model_place(counted: RegistryCounted | MeterCounted, **options: Any) -> PlaceMetrics:
    return Recorder(counted.source, **options).place(OpenAIPrimitive("small", name="m"), "0.m")


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_answer_counts_time_tokens_and_money(kind: str, schema: Schema) -> None:
    counted = KINDS[kind](schema=schema)
    model_place(counted).record(ANSWER)
    found = everything(counted.data())
    counted.close()
    found.pop("tta.primitive.active", None)
    assert found == EXPECTED[schema]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_instrument_of_models_is_in_the_table(schema: Schema) -> None:
    """Dashboards are checked against the table."""
    listed = {instrument.name for instrument in instruments(schema)}
    assert set(EXPECTED[schema]) <= listed
    (other,) = set(SCHEMAS) - {schema}
    assert not (set(EXPECTED[other]) - set(EXPECTED[schema])) & listed


def test_an_answer_without_a_price_is_unpriced_and_not_free(
    counted: RegistryCounted | MeterCounted,
) -> None:
    model_place(counted).record(answer(cost=None))
    found = everything(counted.data())
    assert found["tta.llm.cost.unpriced"] == {("openai", "small"): 1}
    assert "tta.llm.cost" not in found


def test_a_free_answer_is_priced(counted: RegistryCounted | MeterCounted) -> None:
    model_place(counted).record(answer(cost=0.0))
    found = everything(counted.data())
    assert found["tta.llm.cost"] == {("openai", "small", "0.m"): 0.0}
    assert "tta.llm.cost.unpriced" not in found


def test_an_answer_that_is_priced_later_is_not_yet_unpriced(
    counted: RegistryCounted | MeterCounted,
) -> None:
    """It would be counted both as money and as unknown."""
    place = model_place(counted, priced_later=True)
    place.record(answer(cost=None))
    place.record(ANSWER)
    found = everything(counted.data())
    assert "tta.llm.cost.unpriced" not in found
    assert found["tta.llm.cost"] == {("openai", "small", "0.m"): 0.002}


def test_nobody_s_model_is_called_other(counted: RegistryCounted | MeterCounted) -> None:
    model_place(counted).record(answer(provider="", request_model="", response_model=""))
    found = everything(counted.data())
    assert found["tta.llm.cost"] == {("other", "other", "0.m"): 0.002}
    assert found["gen_ai.client.operation.duration"] == {("chat", "other", "other"): (1.5, 1)}


@pytest.mark.parametrize(
    ("outcome", "error_type", "expected"),
    [
        ("error", "LLMError", {("LLMError", "chat", "openai", "small"): (2.0, 1)}),
        ("timeout", "timeout", {("timeout", "chat", "openai", "small"): (2.0, 1)}),
        ("ok", None, {}),
        ("cancelled", None, {}),
    ],
)
def test_a_call_without_an_answer_says_what_it_failed_with(
    counted: RegistryCounted | MeterCounted,
    outcome: str,
    error_type: str | None,
    expected: dict[tuple[str, ...], tuple[float, int]],
) -> None:
    """One that was answered is counted by its record, and one that was cancelled has not failed."""
    model_place(counted).ended(outcome, 2.0, None, error_type)
    assert told(counted.data(), "gen_ai.client.operation.duration") == expected


def test_a_failed_call_is_counted_for_the_model_that_was_asked(
    counted: RegistryCounted | MeterCounted,
) -> None:
    place = model_place(counted)
    place.record(LLMRequestRecord("chat", "groq", "big"))
    place.ended("error", 2.0, None, "LLMError")
    found = told(counted.data(), "gen_ai.client.operation.duration")
    assert found == {("LLMError", "chat", "groq", "big"): (2.0, 1)}


def test_a_step_of_the_user_s_own_may_report_answers(
    counted: RegistryCounted | MeterCounted,
) -> None:
    """It is no adapter, and costs money all the same."""
    step = LambdaPrimitive(lambda x: x, name="own")
    place = Recorder(counted.source, priced_later=True).place(step, "0.own")
    place.record(ANSWER)
    place.record(answer(cost=None))
    found = everything(counted.data())
    assert found["tta.llm.cost"] == {("openai", "small", "0.own"): 0.002}
    assert "tta.llm.cost.unpriced" not in found


def test_a_model_alone_is_no_workflow(counted: RegistryCounted | MeterCounted) -> None:
    place = Recorder(counted.source).place(OpenAIPrimitive("small"), "0", root=True)
    place.ended("ok", 1.0)
    assert points(counted.data(), "gen_ai.invoke_workflow.duration") == []


def test_the_span_says_what_a_call_failed_with(counted: RegistryCounted | MeterCounted) -> None:
    """Where there is a span, nobody else tells."""
    span = ended_span()
    span.error_type = "LLMError"
    model_place(counted).ended("error", 2.0, span)
    found = told(counted.data(), "gen_ai.client.operation.duration")
    assert found == {("LLMError", "chat", "openai", "small"): (2.0, 1)}


def answer(**changes: Any) -> LLMRecord:
    fields = {name: getattr(ANSWER, name) for name in LLMRecord.__dataclass_fields__}
    return LLMRecord(**{**fields, **changes})
