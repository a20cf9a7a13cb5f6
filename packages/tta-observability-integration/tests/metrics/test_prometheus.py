"""A registry in Prometheus's formats, and the endpoint."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource

from observability_integration.metrics import instruments as table
from observability_integration.metrics.model_instruments import instruments
from observability_integration.metrics.prometheus import (
    PrometheusEndpoint,
    RegistryCollector,
    prometheus_endpoint,
)
from observability_integration.metrics.registry import Registry

prometheus_client = pytest.importorskip(
    "prometheus_client",
    reason="no prometheus-client; uv add 'tta-observability-integration[prometheus]'",
)

from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: E402
from prometheus_client import REGISTRY, CollectorRegistry, Counter, generate_latest  # noqa: E402
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics  # noqa: E402
from prometheus_client.openmetrics.parser import (  # noqa: E402
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families  # noqa: E402

from .scrapes import OPENMETRICS, fill, opentelemetry_text, samples, scrape  # noqa: E402
from .spans_of_calls import ended_span  # noqa: E402

SCOPE = ("observability_integration", "0.2", "https://example.com/schema")


def collector_of(registry: Registry, **options: Any) -> CollectorRegistry:
    made = CollectorRegistry()
    collector: Any = RegistryCollector(
        registry, scope_version=SCOPE[1], schema_url=SCOPE[2], **options
    )
    made.register(collector)
    return made


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    fill(registry, instruments())
    return registry


def test_all_series_are_those_of_opentelemetry_s_exporter(registry: Registry) -> None:
    """Names, labels, buckets and values; a dashboard must not have to know who exports."""
    ours = text_string_to_metric_families(generate_latest(collector_of(registry)).decode())
    theirs = text_string_to_metric_families(opentelemetry_text(instruments(), SCOPE))
    assert samples(ours) == samples(theirs)


def test_help_and_type_are_those_of_opentelemetry_s_exporter(registry: Registry) -> None:
    def comments(text: str) -> set[str]:
        return {line for line in text.splitlines() if line.startswith("# ")}

    ours = comments(generate_latest(collector_of(registry)).decode())
    assert ours == comments(opentelemetry_text(instruments(), SCOPE))
    assert len(ours) == 2 * len(instruments())


def test_openmetrics_can_be_parsed_and_says_the_same(registry: Registry) -> None:
    collected = collector_of(registry)
    plain = text_string_to_metric_families(generate_latest(collected).decode())
    open_ = openmetrics_families(openmetrics(collected).decode())
    assert samples(open_) == samples(plain)


def test_label_values_arrive_as_they_were_given() -> None:
    """Quotes, line ends, backslashes and letters of all languages."""
    registry = Registry()
    value = 'say "no"\nto\\ümlauts ☃ '
    registry.cell(table.TIMEOUT_EXPIRATIONS, value).add()
    for text, parse in (
        (generate_latest(collector_of(registry)), text_string_to_metric_families),
        (openmetrics(collector_of(registry)), openmetrics_families),
    ):
        (family,) = parse(text.decode())
        assert family.samples[0].labels["tta_primitive_name"] == value


def test_half_a_character_in_a_label_costs_no_scrape() -> None:
    """The name of one step breaks the scrapes of all."""
    registry = Registry()
    registry.cell(table.TIMEOUT_EXPIRATIONS, "half \ud800").add()
    (family,) = text_string_to_metric_families(generate_latest(collector_of(registry)).decode())
    assert family.samples[0].labels["tta_primitive_name"] == "half ?"


def test_examples_of_buckets_lead_to_traces() -> None:
    registry = Registry()
    cell = registry.cell(table.PRIMITIVE_DURATION, "A", "a", "ok")
    cell.record(0.015, ended_span(5))
    (family,) = openmetrics_families(openmetrics(collector_of(registry)).decode())
    (found,) = [
        (sample.labels["le"], sample.exemplar) for sample in family.samples if sample.exemplar
    ]
    assert found[0] == "0.02"
    assert found[1].labels == {"trace_id": f"{9:032x}", "span_id": f"{5:016x}"}
    assert (found[1].value, float(found[1].timestamp or 0)) == (0.015, 2.0)


def test_buckets_are_summed_up() -> None:
    registry = Registry()
    cell = registry.cell(table.BATCH_SIZE, "b", "tick")
    for size in (1, 2, 2, 4000):
        cell.record(size)
    (family,) = text_string_to_metric_families(generate_latest(collector_of(registry)).decode())
    counts = {
        sample.labels.get("le", sample.name): sample.value
        for sample in family.samples
        if sample.labels.get("le") in ("1.0", "2.0", "1000.0", "+Inf", None)
    }
    assert counts == {
        "1.0": 1,
        "2.0": 3,
        "1000.0": 3,
        "+Inf": 4,
        "tta_batch_size_count": 4,
        "tta_batch_size_sum": 4005,
    }


def test_the_process_is_described_once() -> None:
    registry = Registry()
    collected = collector_of(registry, resource={"service.name": "shop", "process.pid": 3})
    (family,) = text_string_to_metric_families(generate_latest(collected).decode())
    assert family.samples[0].labels == {"service_name": "shop", "process_pid": "3"}


def test_odd_attributes_of_the_process_cost_no_scrape() -> None:
    """An attribute without a name, or with a number for one, breaks the scrapes of all."""
    endless: list[Any] = []
    endless.append(endless)
    odd: Any = {
        1: "number",
        "2nd": "digit",
        "": "none",
        "half \ud800": "\ud800",
        "endless": endless,
        "pairs": {(1, 2): 3},
        "good": "kept",
    }
    text = generate_latest(collector_of(Registry(), resource=odd)).decode()
    (family,) = text_string_to_metric_families(text)
    assert family.samples[0].labels == {
        "_": "number",
        "_nd": "digit",
        "half_": "?",
        "endless": "",
        "pairs": "",
        "good": "kept",
    }


@pytest.fixture
def endpoint(registry: Registry) -> Iterator[PrometheusEndpoint]:
    made = prometheus_endpoint(registry, 0, resource={"service.name": "shop"})
    assert made is not None
    yield made
    made.close()


def families_at(endpoint: PrometheusEndpoint) -> dict[str, Any]:
    """Return what a scrape shows, in the stricter format."""
    text = scrape(endpoint.url, accept=OPENMETRICS)
    found = list(openmetrics_families(text))
    assert len({family.name for family in found}) == len(found)
    assert text.count("# TYPE") == len(found)
    return {family.name: family for family in found}


def test_the_endpoint_shows_the_registry(endpoint: PrometheusEndpoint) -> None:
    found = families_at(endpoint)
    assert {"tta_primitive_duration_seconds", "tta_llm_cost_USD", "target"} <= set(found)


@pytest.mark.usefixtures("endpoint")
def test_endpoints_of_the_user_s_own_show_it_too(endpoint: PrometheusEndpoint) -> None:
    """Web frameworks serve the default registry of prometheus_client."""
    assert b"tta_primitive_active" in generate_latest(REGISTRY)
    endpoint.close()
    assert b"tta_primitive_active" not in generate_latest(REGISTRY)


def test_what_users_register_themselves_is_shown(endpoint: PrometheusEndpoint) -> None:
    counter = Counter("app_orders", "Orders")
    counter.inc(3)
    try:
        assert families_at(endpoint)["app_orders"].samples[0].value == 3
        assert "python_info" in families_at(endpoint)
    finally:
        REGISTRY.unregister(counter)


def test_meters_of_opentelemetry_and_the_registry_are_one_scrape(
    endpoint: PrometheusEndpoint,
) -> None:
    """Instrumentations count under the same names; Prometheus refuses a name that comes twice."""
    provider = MeterProvider(
        [PrometheusMetricReader()], resource=Resource({"other": "1"}), shutdown_on_exit=False
    )
    try:
        meter = provider.get_meter("genai")
        histogram = meter.create_histogram("gen_ai.client.operation.duration", "s")
        histogram.record(1.0, {"gen_ai.request.model": "theirs"})
        meter.create_counter("app.visits").add(5)
        found = families_at(endpoint)
        assert found["app_visits"].samples[0].value == 5
        durations = found["gen_ai_client_operation_duration_seconds"].samples
        scopes = {sample.labels["otel_scope_name"] for sample in durations}
        assert scopes == {"genai", "observability_integration"}
        (target,) = found["target"].samples
        assert target.labels == {"service_name": "shop"}
    finally:
        provider.shutdown()


def test_two_kinds_of_one_name_leave_the_first(
    endpoint: PrometheusEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """The whole scrape would be refused."""
    counter = Counter("tta_primitive_active", "Not what it seems")
    try:
        for _ in range(2):
            families_at(endpoint)
        (line,) = [line for line in caplog.records if line.levelno > logging.INFO]
        assert line.getMessage() == (
            "a counter called tta_primitive_active is left out of the scrape, because there is a "
            "gauge of that name; rename one"
        )
    finally:
        REGISTRY.unregister(counter)


def test_a_scrape_of_some_names_shows_those(endpoint: PrometheusEndpoint) -> None:
    text = scrape(f"{endpoint.url}?name[]=tta_primitive_active&name[]=nothing")
    (family,) = text_string_to_metric_families(text)
    assert family.name == "tta_primitive_active"
    assert len(family.samples) == 2


@pytest.mark.parametrize("given", [None, 70_000], ids=["taken", "no-port"])
def test_a_port_that_cannot_be_opened_is_one_log_line(
    given: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    """And the app goes on."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port: int = holder.getsockname()[1] if given is None else given
        assert prometheus_endpoint(Registry(), port) is None
    (line,) = [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]
    assert line.startswith(f"no Prometheus endpoint: port {port} of 127.0.0.1 cannot be opened (")
    assert line.endswith("; pass another prometheus_port")
    assert b"tta_" not in generate_latest(REGISTRY)


def test_a_missing_package_is_one_log_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    assert prometheus_endpoint(Registry(), 0) is None
    (line,) = caplog.records
    assert line.getMessage() == (
        "no Prometheus endpoint: prometheus-client is not installed. Try: "
        "uv add 'tta-observability-integration[prometheus]', or pass enable_prometheus=False"
    )


def test_a_closed_endpoint_frees_its_port(endpoint: PrometheusEndpoint) -> None:
    """A second close does nothing."""
    for _ in range(2):
        endpoint.close()
    with pytest.raises(urllib.error.URLError, match="refused"):
        scrape(endpoint.url)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_leaves_the_port_to_its_parent() -> None:
    """A child that was forked off keeps the port, or never ends because it waits for a thread."""
    program = """
import os, socket, sys
from observability_integration.metrics.prometheus import PrometheusEndpoint
from observability_integration.metrics.registry import Registry

endpoint = PrometheusEndpoint(Registry(), 0)
port = int(endpoint.url.split(":")[2].split("/")[0])
to_child, to_parent = os.pipe(), os.pipe()
child = os.fork()
if not child:
    os.read(to_child[0], 1)
    endpoint.close()
    endpoint.close()
    os.write(to_parent[1], b"x")
    os._exit(0)
endpoint.close()
with socket.socket() as again:  # while the child lives
    again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    again.bind(("127.0.0.1", port))
    again.listen()
os.write(to_child[1], b"x")
assert os.read(to_parent[0], 1) == b"x"
assert os.waitpid(child, 0)[1] == 0
"""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
