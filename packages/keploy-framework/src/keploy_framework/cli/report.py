"""``keploy report``: show the report of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exits import FAILED, PASSED

if TYPE_CHECKING:
    import argparse

    from keploy_framework.errors import KeployFormatError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--test-run", metavar="RUN", help="the run, or its number (the latest)")
    parser.add_argument("--full", action="store_true", default=None, help="print all differences")
    parser.add_argument("--summary", action="store_true", help="print one line")
    parser.add_argument(
        "--format", choices=("text", "junit", "html", "json"), default="text", help="how (text)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to a file")


def run(options: argparse.Namespace) -> int:
    """Show a run, and tell by the exit code whether it passed."""
    import sys
    from pathlib import Path

    from keploy_framework.formats.atomic import write_atomically
    from keploy_framework.redaction import Redactor
    from keploy_framework.report.folder import read_run
    from keploy_framework.report.json_report import json_report
    from keploy_framework.report.summary import summary_line
    from keploy_framework.report.terminal import terminal_report, terminal_style
    from keploy_framework.report.view import ReportedRun

    from .choices import redaction_of
    from .reports import text_of
    from .settings import Settings
    from .speaking import print_text, say, warn

    settings = Settings(options)
    warn(settings)
    redactor = Redactor.from_environment(settings.environment, redaction_of(settings))
    damaged: list[KeployFormatError] = []
    name, reports = read_run(settings.tree_folder, options.test_run or "", damaged=damaged)
    for error in damaged:
        say(str(error))
    shown = ReportedRun.of(name, reports, redactor)
    kind = "json" if options.json else options.format
    if options.summary:
        text = summary_line(shown)
    elif kind == "json":
        text = json_report(shown)
    elif kind == "text":
        is_file = bool(options.output)
        style = None if is_file else terminal_style(sys.stdout, settings.environment)
        text = terminal_report(shown, style, full=bool(options.full))
    else:
        text = text_of(shown, kind)
    if options.output:
        write_atomically(Path(options.output), text.encode())
        say(f"wrote {options.output}")
    else:
        print_text(text)
    return PASSED if shown.passed and not damaged else FAILED
