"""Whatever it is given, setting up raises nothing, says in one line what it left out, and works."""

from __future__ import annotations

import logging
import socket
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from observability_integration import (
    InMemoryExporter,
    is_observability_enabled,
    shutdown_observability,
)

from .collector import Collector
from .conftest import warnings_of
from .watched import call, initialise

pytestmark = pytest.mark.usefixtures("quiet_environment")

NONSENSE: dict[str, dict[str, Any]] = {
    "exporters-none": {"exporters": None},
    "exporters-a-number": {"exporters": 5},
    "exporters-an-object": {"exporters": [object()]},
    "exporters-of-the-sdk": {"exporters": [InMemorySpanExporter()]},
    "exporters-unknown": {"exporters": ["jaeger"]},
    "file-a-number": {"trace_file": 5},
    "file-bytes": {"trace_file": b"traces.sqlite3"},
    "resource-a-text": {"resource": "stage=test"},
    "resource-a-list": {"resource": [1]},
    "share-a-text": {"sample_ratio": "a tenth"},
    "share-nan": {"sample_ratio": float("nan")},
    "share-2": {"sample_ratio": 2},
    "schema-a-number": {"schema": 5},
    "level-a-list": {"span_level": []},
    "content-a-word": {"capture_content": "yes"},
    "endpoint-a-number": {"metrics": False, "otlp_endpoint": 5},
    "endpoint-bytes": {"metrics": False, "otlp_endpoint": b"http://127.0.0.1:4318"},
    "endpoint-a-word": {"metrics": False, "otlp_endpoint": "nonsense"},
    "endpoint-of-another-kind": {"metrics": False, "otlp_endpoint": "ftp://127.0.0.1"},
    "endpoint-without-a-port": {"metrics": False, "otlp_endpoint": "http://127.0.0.1:port"},
    "endpoint-broken": {"metrics": False, "otlp_endpoint": "http://[::1"},
    "port-a-text": {"enable_prometheus": True, "prometheus_port": "9464"},
    "port-negative": {"enable_prometheus": True, "prometheus_port": -1},
    "port-too-high": {"enable_prometheus": True, "prometheus_port": 70_000},
}


@pytest.mark.parametrize("options", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_told_in_one_line_and_never_raised(
    options: dict[str, Any], told: pytest.LogCaptureFixture
) -> None:
    """A wrong argument keeps the app from starting, or fills its log."""
    memory = InMemoryExporter()
    given = options.get("exporters", [])
    if isinstance(given, list):
        options = {**options, "exporters": [*given, memory]}
    on = initialise(**options)
    call()
    shutdown_observability()
    lines = [record for record in told.records if record.levelno > logging.INFO]
    assert len(lines) == 1, warnings_of(told)
    assert lines[0].name == "observability_integration"
    assert lines[0].exc_info is None
    names = [span.name for span in memory.spans]
    assert names == (["invoke_workflow a"] if on and isinstance(given, list) else [])


@pytest.mark.parametrize(
    "path",
    [Path("folder"), Path("file.txt/below.sqlite3"), Path("file.txt"), "a\0b"],
    ids=["a-folder", "below-a-file", "no-trace-file", "nul"],
)
def test_a_file_that_cannot_be_written_is_one_line(
    path: Path | str, tmp_path: Path, told: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.txt").write_text("mine")
    memory = InMemoryExporter()
    place = tmp_path / path if isinstance(path, Path) else path
    assert initialise(trace_file=place, exporters=[memory])
    for _ in range(3):
        call()
    shutdown_observability()
    assert len(memory.spans) == 3
    assert len(warnings_of(told)) == 1, warnings_of(told)
    assert (tmp_path / "file.txt").read_text() == "mine"


def test_a_text_of_one_name_is_that_exporter(told: pytest.LogCaptureFixture) -> None:
    """`exporters="console"` is taken for seven exporters of one letter each."""
    assert initialise(exporters="console")
    shutdown_observability()
    assert len(warnings_of(told)) <= 1


ODD_RESOURCE: Mapping[Any, Any] = {
    1: "a number for a name",
    "": "no name",
    "none": None,
    "object": object(),
    "mapping": {"deep": 1},
    "mixed": [1, "x", None],
    "bytes": b"\xff",
    "huge": 1 << 70,
    "half": "\ud800",
    "good": "kept",
}


def test_odd_attributes_of_the_process_cost_no_span_and_no_scrape(
    collector: Collector, told: pytest.LogCaptureFixture
) -> None:
    """One value of the resource that cannot be sent keeps all spans and metrics at home."""
    port = free_port()
    assert initialise(
        collector, enable_prometheus=True, prometheus_port=port, resource=ODD_RESOURCE
    )
    call()
    text = scrape(port)
    shutdown_observability()
    assert 'tta_primitive_name="a"' in text
    assert 'good="kept"' in text
    assert collector.named("invoke_workflow a").resource["good"] == "kept"
    assert "tta.primitive.duration" in collector.metric_names


STRANGE = {
    "long-and-many-lines": ["n" * 100_000, "two\nlines", "nul\0", "", '"\\{}', "\u202e\U0001f600"],
    "half-a-character": ["half \ud800"],
}


@pytest.mark.parametrize("names", STRANGE.values(), ids=STRANGE)
def test_a_strange_name_costs_no_span_and_no_scrape(names: list[str], collector: Collector) -> None:
    """The name of one step breaks the scrapes of all."""
    port = free_port()
    assert initialise(collector, enable_prometheus=True, prometheus_port=port)
    call()
    for name in names:
        call(name)
    text = scrape(port)
    shutdown_observability()
    assert 'tta_primitive_name="a"' in text
    assert len(collector.spans) == 1 + len(names)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return answer.read().decode()


def test_a_start_after_an_end_takes_the_new_options_alone(collector: Collector) -> None:
    """A second start keeps the name, the limits or the exporters of the first."""
    first, second = InMemoryExporter(), InMemoryExporter()
    assert initialise(service_name="one", exporters=[first], schema="latest", sample_ratio=0.0)
    call()
    shutdown_observability()
    assert initialise(collector, service_name="two", exporters=[second], resource={"stage": "b"})
    call()
    shutdown_observability()
    assert [len(first.spans), len(second.spans)] == [0, 1]
    resource = collector.named("invoke_workflow a").resource
    assert (resource["service.name"], resource["stage"]) == ("two", "b")
    assert not is_observability_enabled()
