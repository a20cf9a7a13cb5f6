"""No key, password or prompt is ever logged, whatever goes wrong with the one who has it."""

from __future__ import annotations

from typing import Any

import pytest

from observability_integration import InMemoryExporter, shutdown_observability
from tta_dev_primitives import WorkflowContext

from .collector import Collector
from .watched import call, initialise, step

pytestmark = pytest.mark.usefixtures("quiet_environment")

SECRET = "hunter2hunter2"
DEAD = "127.0.0.1:9"

KEYS: dict[str, tuple[dict[str, str], str | None, int]] = {
    "a-header": ({"OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{SECRET}"}, None, 200),
    "a-header-with-spaces": (
        {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {SECRET}"},
        None,
        200,
    ),
    "half-a-header": (
        {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET},{SECRET}"},
        None,
        200,
    ),
    "a-header-that-cannot-be": (
        {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET}\x01"},
        None,
        200,
    ),
    "no-header-at-all": ({"OTEL_EXPORTER_OTLP_HEADERS": SECRET}, None, 200),
    "refused": ({"OTEL_EXPORTER_OTLP_HEADERS": f"x-key={SECRET}"}, None, 401),
    "a-password": ({}, "http://me:{secret}@{place}", 200),
    "a-password-refused": ({}, "http://me:{secret}@{place}", 403),
    "a-password-with-a-slash": ({}, "http://me:{secret}/x@{place}", 200),
    "a-password-with-a-bracket": ({}, "http://me:{secret}[@{place}", 200),
    "a-password-and-a-wrong-port": ({}, "http://me:{secret}@127.0.0.1:x", 200),
    "a-password-and-another-scheme": ({}, "ftp://me:{secret}@{place}", 200),
    "a-query": ({}, "http://{place}/?key={secret}", 200),
    "nobody-listens": ({}, "http://me:{secret}@" + DEAD + "/?key={secret}", 200),
}


@pytest.mark.parametrize(("variables", "endpoint", "status"), KEYS.values(), ids=KEYS)
def test_the_key_of_a_collector_is_never_logged(
    quiet_environment: pytest.MonkeyPatch,
    collector: Collector,
    told: pytest.LogCaptureFixture,
    variables: dict[str, str],
    endpoint: str | None,
    status: int,
) -> None:
    """A key of the collector is in the app's log."""
    for name, text in variables.items():
        quiet_environment.setenv(name, text)
    collector.answer = lambda _: status
    place = collector.url.removeprefix("http://")
    url = collector.url if endpoint is None else endpoint.format(secret=SECRET, place=place)
    initialise(otlp_endpoint=url)
    call()
    shutdown_observability()
    assert SECRET not in told.text
    told.clear()


def test_a_query_of_an_address_stays_behind_the_path_of_each_signal(collector: Collector) -> None:
    """Metrics go to an address of which the path has become a part of the query."""
    initialise(otlp_endpoint=f"{collector.url}/?key=1")
    call()
    shutdown_observability()
    paths = {request.path for request in collector.requests}
    assert paths == {"/v1/traces?key=1", "/v1/metrics?key=1"}


class TellingError(Exception):
    """Says what nobody should read."""


def test_what_is_worked_on_is_in_no_span_metric_or_log(
    collector: Collector, told: pytest.LogCaptureFixture
) -> None:
    """Inputs, answers, texts of errors and users are in the telemetry of an app."""

    def fail(x: Any) -> None:
        raise TellingError(x)

    memory = InMemoryExporter()
    assert initialise(collector, exporters=[memory])
    context = WorkflowContext(player_id=SECRET, metadata={"key": SECRET}, state={"key": SECRET})
    step("same").run(SECRET, context)
    with pytest.raises(TellingError):
        step("fails", fail).run(SECRET, context)
    shutdown_observability()
    assert len(memory.spans) == 2
    found = [(s.name, s.attributes, s.events, s.status_description) for s in memory.spans]
    assert SECRET not in repr(found)
    assert SECRET not in repr(collector.requests)
    assert SECRET not in told.text
