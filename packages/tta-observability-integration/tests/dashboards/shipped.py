"""The dashboards and alert rules of the package, read for the tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from observability_integration.alerts import alert_rule_files
from observability_integration.grafana import dashboard_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Panel = dict[str, Any]  # Any: the shape of a panel is what the tests look at


@dataclass(frozen=True, slots=True)
class Query:
    """A query and where it stands."""

    place: str
    text: str


def boards() -> dict[str, Panel]:
    """Return each dashboard by the name of its file."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in dashboard_files()}


def panels(*, rows: bool = False) -> Iterator[tuple[str, Panel]]:
    """Give every panel and where it stands; the headings of rows only where asked for."""
    for name, board in boards().items():
        for panel in board["panels"]:
            if rows or panel["type"] != "row":
                yield f"{name}: {panel['title']}", panel


def panel_queries() -> Iterator[Query]:
    """Give the queries of all panels."""
    for place, panel in panels():
        for target in panel["targets"]:
            yield Query(f"{place} ({target['refId']})", target["expr"])


def rules() -> list[dict[str, Any]]:
    """Return all alert rules. Any: their shape is what the tests look at."""
    files: list[Path] = alert_rule_files()
    read = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
    return [rule for file in read for group in file["groups"] for rule in group["rules"]]


def rule_queries() -> Iterator[Query]:
    """Give the queries of all alert rules."""
    for rule in rules():
        yield Query(f"alert {rule['alert']}", rule["expr"])
