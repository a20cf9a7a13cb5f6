"""Helpers for what Prometheus sees."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterable
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from observability_integration.metrics.instrument import Instrument
from observability_integration.metrics.meter_cells import MeterCells

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def fill(source: Any, instruments: Iterable[Instrument[Any]]) -> None:
    """Count something with every instrument, under labels with values that need quotes."""
    for number, instrument in enumerate(instruments, start=1):
        for round_ in (1, 2):
            values = [f'{label} "{round_}"\n\\ é' for label in instrument.labels]
            cell = source.cell(instrument, *values)
            if instrument.kind == "histogram":
                cell.record(float(number * round_))
            elif instrument.kind == "gauge":
                cell.set(number * round_)
            else:
                cell.add(number * round_)


def opentelemetry_text(instruments: Iterable[Instrument[Any]], scope: tuple[str, str, str]) -> str:
    """Return what OpenTelemetry's own exporter shows of the same counts."""
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(disable_target_info=True, registry=registry)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    fill(MeterCells(provider.get_meter(*scope)), instruments)
    text = generate_latest(registry).decode()
    provider.shutdown()
    return text


def exposed_by_opentelemetry(
    instruments: Iterable[Instrument[Any]],
) -> dict[str, frozenset[str]]:
    """Return the labels by the series."""
    found: dict[str, frozenset[str]] = {}
    text = opentelemetry_text(instruments, ("tests", "1", "https://example.com/schema"))
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = frozenset(sample.labels)
    return found


def scrape(url: str, *, accept: str = "text/plain") -> str:
    """Return what the endpoint answers."""
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode()


def samples(families: Iterable[Metric]) -> list[tuple[str, frozenset[tuple[str, str]], float]]:
    """Return all series, sorted, without labels that have no value."""
    found = [
        (sample.name, frozenset(pair for pair in sample.labels.items() if pair[1]), sample.value)
        for family in families
        for sample in family.samples
    ]
    return sorted(found, key=str)
