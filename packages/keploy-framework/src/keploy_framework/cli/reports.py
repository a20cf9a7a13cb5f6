"""Show and write the reports of a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from keploy_framework.formats import Report
    from keploy_framework.redaction import Redactor

    from .settings import Settings


def show_run(
    name: str,
    reports: Sequence[Report],
    redactor: Redactor,
    options: argparse.Namespace,
    settings: Settings,
) -> None:
    """Print a run: as JSON where that is asked for, else for people."""
    from keploy_framework.report.json_report import json_report
    from keploy_framework.report.terminal import terminal_report, terminal_style
    from keploy_framework.report.view import ReportedRun

    from .speaking import print_text

    run = ReportedRun.of(name, reports, redactor)
    if options.json:
        print_text(json_report(run))
        return
    style = terminal_style(sys.stdout, settings.environment)
    print_text(terminal_report(run, style, full=settings.flag("full")))


def write_text(
    path: Path, name: str, reports: Sequence[Report], redactor: Redactor, kind: str
) -> None:
    """Write a run as ``junit`` or ``html``.

    Raises:
        OSError: The file cannot be written.
    """
    from keploy_framework.formats.atomic import write_atomically
    from keploy_framework.report.view import ReportedRun

    write_atomically(path, text_of(ReportedRun.of(name, reports, redactor), kind).encode())


def text_of(run: object, kind: str) -> str:
    """Give a run as ``junit`` or ``html``."""
    from keploy_framework.report.view import ReportedRun

    assert isinstance(run, ReportedRun)
    if kind == "junit":
        from keploy_framework.report.junit import junit_xml

        return junit_xml(run)
    from keploy_framework.report.html.page import html_page

    return html_page(run)
