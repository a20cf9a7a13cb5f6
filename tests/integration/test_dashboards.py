"""Every query of the dashboards and alert rules, asked of a Prometheus that scrapes a busy app."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from observability_integration.alerts import alert_rule_files
from observability_integration.grafana import dashboard_files

APP = Path(__file__).with_name("busy_app.py")
SCRAPES = 6
pytestmark = pytest.mark.service("observability")

# Queries that the busy app has nothing to answer with, and why.
WITHOUT_DATA = {
    "llm-cost: Saved and wasted, USD per hour C": "a hedge that loses is cancelled, unpriced",
    "llm-cost: Tokens per call, p95 B": "measured by the latest conventions only",
    "llm-cost: Tokens per call, p95 C": "measured by the latest conventions only",
    "llm-cost: Tokens written to the provider's cache, tokens of reasoning A": "server has none",
    "llm-cost: Tokens written to the provider's cache, tokens of reasoning B": "server has none",
    "llm-cost: Wasted by hedges A": "a hedge that loses is cancelled, unpriced",
    "overview: Spans lost A": "none is",
}
# Queries about what is there at one moment and not at the next.
FLEETING = {
    "overview: Calls under way A",
    "overview: Calls under way by primitive A",
    "overview: Spans waiting A",
    "reliability: Calls waiting A",
}
# Alerts that are not about to come, though every other one is, and why.
QUIET = {
    "TtaSlowerThanUsual": "there is no day before",
    "TtaCostRateJump": "there is no day before",
    "TtaCacheHitShareFell": "there is no day before",
    "TtaSpansLost": "no span is lost",
}


def filled_in(expression: str) -> str:
    """Put values in the place of a dashboard's variables."""
    for variable in ("service", "name", "model"):
        expression = expression.replace(f"${variable}", ".*")
    return expression.replace("$__rate_interval", "1m").replace("$__range", "5m")


def panel_queries() -> Iterator[tuple[str, str]]:
    """Give every panel's place and each of its queries."""
    for path in dashboard_files():
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", []):
                place = f"{path.stem}: {panel['title']} {target['refId']}"
                yield place, filled_in(target["expr"])


def rule_queries() -> Iterator[tuple[str, str]]:
    """Give every alert and its query."""
    for path in alert_rule_files():
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield rule["alert"], rule["expr"]


def ask(prometheus: str, expression: str) -> list[Any]:
    """Return what an expression is now, one item a series. Any: its shape is Prometheus's own."""
    body = urllib.parse.urlencode({"query": expression}).encode()
    try:
        with urllib.request.urlopen(f"{prometheus}/api/v1/query", body, timeout=10) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        pytest.fail(f"{expression} was refused: {error.read().decode()}")
    assert answer["status"] == "success", answer
    assert "warnings" not in answer, answer
    return list(answer["data"]["result"])


def shows(answer: list[Any]) -> bool:
    """Tell whether there is anything to see: a line, and not only along the bottom."""
    return any(float(series["value"][1]) > 0 for series in answer)


@contextmanager
def busy_app(port: int) -> Generator[None]:
    """Run the app; the block begins when it has made traffic."""
    process = subprocess.Popen(
        [sys.executable, str(APP), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        _, problem = process.communicate()
        pytest.fail(f"the app ended early: {problem[-2000:]}")
    try:
        yield
    finally:
        process.communicate(timeout=20)


def test_every_query_is_answered_and_every_panel_has_data(
    start_prometheus: Callable[[int], str],
    free_port: Callable[[], int],
    until: Callable[[Callable[[], bool], str], None],
) -> None:
    """A panel or alert stayed empty, or failed, beside an app that does all that it is about."""
    if importlib.util.find_spec("prometheus_client") is None:
        reason = "prometheus-client is not installed; uv sync --all-packages --all-extras has it"
        if os.environ.get("TTA_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    port = free_port()
    with busy_app(port):
        url = start_prometheus(port)
        until(
            lambda: bool(ask(url, f"min(count_over_time(up[1m])) >= {SCRAPES}")),
            f"{SCRAPES} scrapes of the app",
        )
        answers = {place: ask(url, expression) for place, expression in panel_queries()}
        alerts = {alert: ask(url, expression) for alert, expression in rule_queries()}
    empty = {place for place, answer in answers.items() if not shows(answer)}
    assert empty - FLEETING == WITHOUT_DATA.keys()
    assert {alert for alert, answer in alerts.items() if not answer} == QUIET.keys()
