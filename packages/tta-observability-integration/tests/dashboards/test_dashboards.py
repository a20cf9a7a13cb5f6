"""The dashboards are well formed: what Grafana would only show by an empty or broken page."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from dashboards.layout import laid_out
from dashboards.promql import PLACEHOLDERS, filled_in, names_in
from dashboards.shipped import boards, panel_queries, panels

from observability_integration.grafana import dashboard_files

if TYPE_CHECKING:
    from pathlib import Path

    from dashboards.shipped import Panel

BOARDS = boards()
PANELS = dict(panels())
UNITS = {"bool", "currencyUSD", "ops", "percentunit", "reqps", "s", "short"}


def overlap(one: Panel, other: Panel) -> bool:
    """Tell whether two panels share a cell of the grid."""
    a, b = one["gridPos"], other["gridPos"]
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not (beside or above)


def test_four_dashboards_are_shipped() -> None:
    """A dashboard that the documentation names was not in the package."""
    assert list(BOARDS) == ["cache", "llm-cost", "overview", "reliability"]


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_can_be_provisioned_and_found(name: str) -> None:
    """Two dashboards took each other's place, or the links between them led nowhere."""
    board = BOARDS[name]
    assert board["uid"] == f"tta-{name}"
    assert board["id"] is None
    assert board["tags"] == ["tta"]
    assert board["schemaVersion"] == 39
    assert [(link["type"], link["tags"]) for link in board["links"]] == [("dashboards", ["tta"])]
    assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS)


@pytest.mark.parametrize("path", dashboard_files(), ids=lambda path: path.stem)
def test_a_file_is_laid_out_so_that_changes_can_be_read(path: Path) -> None:
    """One change in Grafana rewrote the whole file; `python layout.py FILE` lays it out again."""
    text = path.read_text(encoding="utf-8")
    assert text == laid_out(json.loads(text)) + "\n"


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_places_of_their_own(name: str) -> None:
    """A panel covered another, stood outside of the grid, or two had one number."""
    found = BOARDS[name]["panels"]
    assert [panel["id"] for panel in found] == list(range(1, len(found) + 1))
    for panel in found:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
    crossing = [(a["title"], b["title"]) for a, b in combinations(found, 2) if overlap(a, b)]
    assert crossing == []


@pytest.mark.parametrize("name", BOARDS)
def test_no_row_of_the_grid_is_left_empty(name: str) -> None:
    """Grafana moved a panel up when it read the file, and showed the dashboard as changed."""
    filled = {
        line
        for panel in BOARDS[name]["panels"]
        for line in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    }
    assert filled == set(range(len(filled)))


@pytest.mark.parametrize("place", PANELS)
def test_a_panel_says_what_it_means_and_what_to_do(place: str) -> None:
    """Somebody at three in the morning saw a red number and nothing about it."""
    sentences = re.findall(r"[^.]+\.(?=\s|$)", PANELS[place]["description"])
    assert len(sentences) >= 2
    assert "".join(sentences) == PANELS[place]["description"]


@pytest.mark.parametrize("place", PANELS)
def test_a_panel_has_a_unit_and_is_readable(place: str) -> None:
    """Seconds were shown as bare numbers, or a legend was the whole label set."""
    panel = PANELS[place]
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    for target in panel["targets"]:
        several = panel["type"] not in {"stat", "table"}
        assert ("legendFormat" in target) == several, target["expr"]
        used = re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))
        kept = [
            label
            for grouping in names_in(filled_in(target["expr"])).groupings
            for label in grouping.labels
        ]
        assert set(used) <= set(kept), "a legend shows a label that the query aggregates away"
        assert set(kept) - {"le", "job"} <= set(used) or not several, "two lines with one legend"


@pytest.mark.parametrize("place", PANELS)
def test_thresholds_rise_from_a_base(place: str) -> None:
    """Grafana ignores thresholds out of order, and what has no base has no colour."""
    found = PANELS[place]["fieldConfig"]["defaults"].get("thresholds")
    if PANELS[place]["type"] in {"stat", "bargauge", "state-timeline"}:
        assert found is not None, "green and red at 80 are not what this panel means"
    if found is not None:
        values = [step["value"] for step in found["steps"]]
        assert values[0] is None
        assert values[1:] == sorted(values[1:])


@pytest.mark.parametrize("place", PANELS)
def test_a_panel_asks_the_chosen_data_source(place: str) -> None:
    """The dashboard worked only where the data source had the uid of its author's."""
    panel = PANELS[place]
    asked = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in asked)
    references = [target["refId"] for target in panel["targets"]]
    assert references == [*"ABCDEF"[: len(references)]]


@pytest.mark.parametrize("name", BOARDS)
def test_variables_are_defined_and_used(name: str) -> None:
    """A query named a variable that the dashboard has not, or a choice changed nothing."""
    variables = {variable["name"]: variable for variable in BOARDS[name]["templating"]["list"]}
    assert variables.keys() >= {"datasource", "service", "name"}
    assert variables["datasource"]["type"] == "datasource"
    text = "\n".join(query.text for query in panel_queries() if query.place.startswith(f"{name}:"))
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"__rate_interval", "__range"}
    assert used == variables.keys() - {"datasource"}
    assert {f"${variable}" for variable in used} <= PLACEHOLDERS.keys()
    for variable in variables.values():
        if variable["type"] == "query":
            assert variable["datasource"]["uid"] == "${datasource}"
            assert variable["allValue"] == ".*", "All leaves out series without the label"


def test_every_query_keeps_to_the_chosen_service() -> None:
    """One panel summed over all services while the rest showed one."""
    loose = [
        query.place
        for query in panel_queries()
        for selector in names_in(filled_in(query.text)).selectors
        if "job" not in selector.labels
    ]
    assert loose == []
