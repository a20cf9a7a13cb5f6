"""``keploy diff``: show what changed between two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exits import FAILED, PASSED

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("before", help="the first run, or its number")
    parser.add_argument("after", nargs="?", default="", help="the second run (the latest)")


def run(options: argparse.Namespace) -> int:
    """Compare two runs; 1 where the second one is worse."""
    from keploy_framework.redaction import Redactor
    from keploy_framework.report.changes import compare_runs
    from keploy_framework.report.folder import read_run
    from keploy_framework.report.view import ReportedRun

    from .choices import redaction_of
    from .settings import Settings
    from .speaking import print_json, print_text, warn

    settings = Settings(options)
    warn(settings)
    redactor = Redactor.from_environment(settings.environment, redaction_of(settings))
    before, after = (
        ReportedRun.of(*read_run(settings.tree_folder, name), redactor)
        for name in (options.before, options.after)
    )
    changes = compare_runs(before, after)
    if options.json:
        print_json(changes.as_data())
    else:
        print_text(str(changes))
    return FAILED if changes.is_worse else PASSED
