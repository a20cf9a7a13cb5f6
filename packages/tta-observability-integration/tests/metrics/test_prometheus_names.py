"""The names that Prometheus sees, against those that OpenTelemetry's exporter makes."""

from __future__ import annotations

import pytest

from observability_integration.metrics.instrument import Instrument
from observability_integration.metrics.instruments import TTA_INSTRUMENTS
from observability_integration.metrics.model_instruments import instruments
from observability_integration.metrics.prometheus import exposed_labels, exposed_series
from observability_integration.metrics.prometheus_names import label_text
from observability_integration.semconv import names
from observability_integration.semconv.schema import SCHEMAS, Schema

pytest.importorskip(
    "opentelemetry.exporter.prometheus",
    reason="no Prometheus exporter; uv add 'tta-observability-integration[prometheus]'",
)

from .scrapes import exposed_by_opentelemetry


@pytest.mark.parametrize("schema", SCHEMAS)
def test_names_are_those_of_opentelemetry_s_exporter(schema: Schema) -> None:
    """A dashboard must not have to know who exports."""
    theirs = exposed_by_opentelemetry(instruments(schema))
    assert exposed_series(schema) == set(theirs)
    scope = {"otel_scope_name", "otel_scope_version", "otel_scope_schema_url"}
    assert exposed_labels(schema) == {name: labels - scope for name, labels in theirs.items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tta.primitive.duration", "tta_primitive_duration_seconds_bucket"),
        ("tta.cache.saved.cost", "tta_cache_saved_cost_USD_total"),
        ("tta.cache.saved.input_tokens", "tta_cache_saved_input_tokens_total"),
        ("tta.breaker.state", "tta_breaker_state"),
        ("tta.primitive.active", "tta_primitive_active"),
        ("tta.telemetry.cost", "tta_telemetry_cost_seconds_total"),
        ("gen_ai.client.token.usage", "gen_ai_client_token_usage_sum"),
        ("gen_ai.invoke_workflow.duration", "gen_ai_invoke_workflow_duration_seconds_count"),
    ],
)
def test_names_that_dashboards_use_stay(name: str, expected: str) -> None:
    assert name in {each.name for each in instruments()}
    assert expected in exposed_series()


def test_every_metric_s_name_belongs_to_one_instrument() -> None:
    known = {value for key, value in vars(names).items() if key.startswith("METRIC_")}
    made = [each.name for schema in SCHEMAS for each in instruments(schema)]
    assert set(made) == known
    for schema in SCHEMAS:
        listed = [each.name for each in instruments(schema)]
        assert len(listed) == len(set(listed))


@pytest.mark.parametrize("instrument", TTA_INSTRUMENTS, ids=lambda each: each.name)
def test_an_instrument_is_well_made(instrument: Instrument[object]) -> None:
    assert instrument.unit in ("", "s", "USD", "{token}")
    assert bool(instrument.buckets) == (instrument.kind == "histogram")
    assert list(instrument.buckets) == sorted(set(instrument.buckets))
    assert len(set(instrument.labels)) == len(instrument.labels)
    assert instrument.description
    assert not instrument.description.endswith(".")


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (True, "true"), (("a", "b"), '["a", "b"]'), (3, "3")]
)
def test_label_values_are_text(value: object, text: str) -> None:
    assert label_text(value) == text
