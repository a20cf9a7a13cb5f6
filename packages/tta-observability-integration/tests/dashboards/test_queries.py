"""Each query of a panel or rule is one that Prometheus reads, over series that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from dashboards.exposed import TARGET, families, series
from dashboards.promql import filled_in, names_in
from dashboards.shipped import boards, panel_queries, rule_queries

if TYPE_CHECKING:
    from pathlib import Path

SERIES = series()
QUERIES = {query.place: query.text for query in (*panel_queries(), *rule_queries())}

# Instruments that no panel shows, and why.
NOT_SHOWN = {
    "gen_ai.execute_tool.duration": "no primitive calls tools by itself, so nothing is measured"
}


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is missing: apt install prometheus"
)
def test_promtool_reads_every_query(tmp_path: Path) -> None:
    """A panel showed `parse error` instead of a line."""
    rules = [
        {"record": f"tta:query:{number}", "expr": filled_in(text)}
        for number, text in enumerate(QUERIES.values())
    ]
    file = tmp_path / "queries.rules.json"
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    ran = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(QUERIES)} rules found" in ran.stdout


@pytest.mark.parametrize("place", QUERIES)
def test_a_query_names_series_and_labels_that_are_exposed(place: str) -> None:
    """A panel stayed empty because a metric or label is spelled otherwise in Prometheus."""
    names = names_in(filled_in(QUERIES[place]))
    for selector in names.selectors:
        assert selector.metric in SERIES
        assert selector.labels <= SERIES[selector.metric], selector
    for grouping in names.groupings:
        for metric in grouping.metrics:
            assert grouping.labels <= SERIES[metric], (metric, grouping.labels)
    known = frozenset[str]().union(*(SERIES[selector.metric] for selector in names.selectors))
    assert names.matching <= known


@pytest.mark.parametrize(
    ("name", "query"),
    [
        (name, variable["query"]["query"])
        for name, board in boards().items()
        for variable in board["templating"]["list"]
        if variable["type"] == "query"
    ],
)
def test_a_variable_lists_values_of_a_label_that_exists(name: str, query: str) -> None:
    """The drop-down list above a dashboard was empty."""
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
    assert found is not None
    [selector] = names_in(filled_in(found[1])).selectors
    assert {found[2], *selector.labels} <= SERIES[selector.metric]


def test_every_instrument_is_shown_or_listed_as_not_shown() -> None:
    """A new instrument was measured and nobody ever saw it."""
    asked = {
        selector.metric
        for query in panel_queries()
        for selector in names_in(filled_in(query.text)).selectors
    }
    hidden = {name for name, parts in families().items() if not parts & asked}
    assert hidden == NOT_SHOWN.keys()


def test_targets_bring_the_labels_that_queries_choose_services_by() -> None:
    """`job` was thought to be a label of the app's own."""
    assert all(labels >= TARGET for labels in SERIES.values())
