"""Dashboards for Grafana, as files to import or to provision."""

from __future__ import annotations

from pathlib import Path


def dashboard_files() -> list[Path]:
    """Return the dashboards of this package, one JSON file each.

    They are of the classic schema that Grafana 11 and later read. All are in one folder, which
    Grafana can be told to provision as it is.
    """
    return sorted(Path(__file__).parent.glob("*.json"))
