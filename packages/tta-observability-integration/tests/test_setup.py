"""Turning observability on and off."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider

from observability_integration import (
    get_meter,
    get_tracer,
    initialize_observability,
    is_observability_enabled,
    measuring,
    shutdown_observability,
)
from observability_integration.export import otlp
from observability_integration.meters import LazyMeterProvider
from observability_integration.spans.light_tracer import LightTracerProvider
from tta_dev_primitives import LambdaPrimitive

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture(autouse=True)
def messages(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="observability_integration")
    return caplog


def step() -> LambdaPrimitive[Any, Any]:
    return LambdaPrimitive(lambda x: x, name="step")


def quiet(**options: Any) -> bool:
    """Initialise without a Prometheus endpoint."""
    merged: dict[str, Any] = {"enable_prometheus": False, **options}
    return initialize_observability(**merged)


def test_it_is_off_until_initialised_and_after_shutdown() -> None:
    assert not is_observability_enabled()
    assert get_tracer("app") is None
    assert get_meter("app") is None
    assert quiet()
    assert is_observability_enabled()
    assert get_tracer("app") is not None
    assert get_meter("app") is not None
    shutdown_observability()
    shutdown_observability()
    assert not is_observability_enabled()
    assert get_tracer("app") is None


async def test_console_traces_print_a_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert quiet(enable_console_traces=True)
    assert await step().execute(1) == 1
    shutdown_observability()
    assert capsys.readouterr().err.startswith("invoke_workflow step ")


async def test_a_second_call_changes_nothing_and_says_so_once(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    quiet(enable_console_traces=True)
    caplog.clear()
    assert quiet(service_name="other", enable_console_traces=True)
    assert caplog.messages == ["observability is on already; nothing changed"]
    await step().execute(1)
    shutdown_observability()
    assert capsys.readouterr().err.count("invoke_workflow") == 1


async def test_shutdown_stops_watching_and_a_new_start_watches_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    quiet(enable_console_traces=True)
    shutdown_observability()
    await step().execute(1)
    trace.get_tracer("app").start_span("own").end()
    assert capsys.readouterr().err == ""
    assert quiet(enable_console_traces=True)
    await step().execute(1)
    shutdown_observability()
    assert capsys.readouterr().err.count("invoke_workflow") == 1


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("console", True), ("otlp, console", True), ("otlp", False), ("", False)],
    ids=["console", "both", "otlp", "unset"],
)
async def test_the_standard_variable_decides_when_the_argument_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    expected: bool,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", variable)
    quiet()
    await step().execute(1)
    shutdown_observability()
    assert ("invoke_workflow" in capsys.readouterr().err) is expected


def test_traces_that_go_nowhere_are_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    assert quiet()
    assert any("traces go nowhere yet" in message for message in caplog.messages)


@pytest.mark.parametrize(
    ("given", "variable", "expected"),
    [
        ("shop", None, "shop"),
        ("shop", "from-env", "shop"),
        (None, "from-env", "from-env"),
        (None, None, "tta"),
    ],
    ids=["argument", "argument-wins", "environment", "default"],
)
def test_the_service_has_a_name(
    monkeypatch: pytest.MonkeyPatch, given: str | None, variable: str | None, expected: str
) -> None:
    if variable is not None:
        monkeypatch.setenv("OTEL_SERVICE_NAME", variable)
    quiet(**({} if given is None else {"service_name": given}), service_version="2.0")
    provider = trace.get_tracer_provider()
    assert isinstance(provider, LightTracerProvider)
    assert provider.resource["service.name"] == expected
    assert provider.resource["service.version"] == "2.0"


async def test_an_installed_tracer_provider_is_joined_without_doubling_its_exporters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The owner exports already; the environment must not add a second copy of every span."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    assert quiet()
    await step().execute(1)
    assert [span.name for span in memory.get_finished_spans()] == ["invoke_workflow step"]
    assert capsys.readouterr().err == ""
    shutdown_observability()
    trace.get_tracer("app").start_span("still works").end()
    assert len(memory.get_finished_spans()) == 2


async def test_exporters_asked_for_by_argument_are_added_to_a_joined_provider(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
    assert quiet(enable_console_traces=True)
    await step().execute(1)
    shutdown_observability()
    assert "invoke_workflow step" in capsys.readouterr().err


async def test_a_provider_that_takes_no_exporters_is_told(caplog: pytest.LogCaptureFixture) -> None:
    trace.set_tracer_provider(NoOpTracerProvider())
    assert quiet(enable_console_traces=True)
    assert caplog.messages == [
        "traces go only where NoOpTracerProvider sends them: it takes no further exporters"
    ]
    assert await step().execute(1) == 1


async def test_an_installed_meter_provider_gets_the_metrics(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    assert initialize_observability()
    assert "a meter provider is installed already; metrics go there" in caplog.messages
    await step().execute(1)
    data = reader.get_metrics_data()
    assert data is not None
    (scope,) = data.resource_metrics[0].scope_metrics
    assert {"tta.primitive.duration", "tta.primitive.active"} <= {m.name for m in scope.metrics}
    provider.shutdown()


def test_an_installed_meter_provider_needs_no_remark_without_prometheus(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics.set_meter_provider(provider := MeterProvider(shutdown_on_exit=False))
    assert quiet()
    assert not any("meter provider" in message for message in caplog.messages)
    provider.shutdown()


@pytest.mark.parametrize("value", ["true", " TRUE "], ids=["plain", "loose"])
def test_the_standard_switch_keeps_everything_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", value)
    assert not quiet()
    assert not is_observability_enabled()
    assert caplog.messages == ["observability stays off: OTEL_SDK_DISABLED is true"]


@pytest.mark.parametrize(
    ("module", "options", "line"),
    [
        (
            "requests",
            {"otlp_endpoint": "http://localhost:4318", "metrics": False},
            (
                "traces are not sent to a collector: requests is not installed. Try: uv add "
                "'tta-observability-integration[otlp]'"
            ),
        ),
        (
            "prometheus_client",
            {"enable_prometheus": True},
            (
                "no Prometheus endpoint: prometheus-client is not installed. Try: uv add "
                "'tta-observability-integration[prometheus]', or pass enable_prometheus=False"
            ),
        ),
    ],
    ids=["otlp", "prometheus"],
)
async def test_a_missing_extra_is_one_log_line_with_the_next_move(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    module: str,
    options: dict[str, Any],
    line: str,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert quiet(**options)
    warnings = [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]
    assert warnings == [line]
    assert await step().execute(1) == 1


class BrokenError(Exception):
    """Raised by the broken parts below."""


@pytest.fixture
def broken_exporters(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment in which making any exporter fails."""

    def fail(*args: object, **options: object) -> None:
        raise BrokenError

    with monkeypatch.context() as patched:
        patched.setattr(otlp, "otlp_exporter", fail)
        patched.setattr(measuring, "prometheus_endpoint", fail)
        yield


@pytest.mark.usefixtures("broken_exporters")
async def test_a_part_that_cannot_be_set_up_leaves_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert initialize_observability(otlp_endpoint="http://localhost:4318")
    assert caplog.messages[:2] == [
        "metrics could not be set up; the app goes on without them",
        "trace exporters could not be set up; the app goes on without them",
    ]
    assert await step().execute(1) == 1


def test_nothing_set_up_is_told_by_the_result(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Refusing(TracerProvider):
        def get_tracer(self, *args: Any, **options: Any) -> Any:
            raise BrokenError

    trace.set_tracer_provider(Refusing(shutdown_on_exit=False))
    assert not quiet()
    assert not is_observability_enabled()
    assert caplog.messages == ["traces could not be set up; the app goes on without them"]


def test_a_part_that_cannot_be_shut_down_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: object) -> None:
        raise BrokenError

    monkeypatch.setattr(LazyMeterProvider, "close", fail)
    assert initialize_observability(prometheus_port=0)
    shutdown_observability()
    assert not is_observability_enabled()
    assert "a part of observability could not be shut down" in caplog.messages


def test_a_program_that_only_ends_still_delivers_its_traces() -> None:
    """No call to shutdown: what the exporter holds is printed as the interpreter leaves."""
    program = (
        "from observability_integration import initialize_observability, get_tracer\n"
        "assert initialize_observability('app', '1', False, True)\n"
        "tracer = get_tracer('app')\n"
        "with tracer.start_as_current_span('never ends', end_on_exit=False):\n"
        "    tracer.start_span('waits').end()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stderr.startswith("waits ")
