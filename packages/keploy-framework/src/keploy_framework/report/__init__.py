"""Reports of a run: kept as upstream keeps them, and shown in five ways."""

from __future__ import annotations

from keploy_framework.report.building import set_report
from keploy_framework.report.changes import RunChanges, compare_runs
from keploy_framework.report.folder import read_run, run_names, write_run
from keploy_framework.report.html.page import html_page
from keploy_framework.report.json_report import json_report
from keploy_framework.report.junit import junit_xml
from keploy_framework.report.normalize import Normalised, normalize_run
from keploy_framework.report.summary import summary_line
from keploy_framework.report.terminal import terminal_report, terminal_style
from keploy_framework.report.view import ReportedRun, SetView, TestView

__all__ = [
    "Normalised",
    "ReportedRun",
    "RunChanges",
    "SetView",
    "TestView",
    "compare_runs",
    "html_page",
    "json_report",
    "junit_xml",
    "normalize_run",
    "read_run",
    "run_names",
    "set_report",
    "summary_line",
    "terminal_report",
    "terminal_style",
    "write_run",
]
