"""A Grafana that reads the dashboards from the package shows them, with the data behind them."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

import pytest

from observability_integration.grafana import dashboard_files

pytestmark = pytest.mark.service("observability")


@pytest.fixture
def grafana() -> str:
    """The address of the Grafana of docker-compose.test.yml; there is no package to install."""
    given = os.environ.get("TTA_TEST_GRAFANA_URL")
    if not given:
        pytest.skip("Grafana is not here; start it in Docker and set TTA_TEST_GRAFANA_URL")
    return given


def got(url: str) -> Any:  # Any: each address has a shape of its own
    """Return the JSON at *url*, asked for without a login."""
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def test_grafana_has_read_every_dashboard_whole(grafana: str) -> None:
    """Grafana refused a file, or dropped panels that it did not understand."""
    for path in dashboard_files():
        shipped = json.loads(path.read_text(encoding="utf-8"))
        shown = got(f"{grafana}/api/dashboards/uid/{shipped['uid']}")
        assert shown["meta"]["provisioned"]
        titles = [panel["title"] for panel in shown["dashboard"]["panels"]]
        assert titles == [panel["title"] for panel in shipped["panels"]]


def test_the_data_source_answers(grafana: str) -> None:
    """The dashboards were there, and every panel said that the data source is not found."""
    asked = f"{grafana}/api/datasources/proxy/uid/prometheus/api/v1/query?query=vector(1)"
    assert got(asked)["data"]["result"][0]["value"][1] == "1"


def test_nobody_can_change_a_dashboard(grafana: str) -> None:
    """Whoever could open the page could also save it."""
    shown = got(f"{grafana}/api/dashboards/uid/tta-overview")
    assert not shown["meta"]["canSave"]
