"""`tta workspace check`: whether a uv workspace is put together soundly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .exits import EXIT_FAILED, EXIT_OK

if TYPE_CHECKING:
    import argparse

    from .commands import Commands

DESCRIPTION: Final = (
    "Check how a uv workspace is put together: its members, where they take each other from, the "
    "Pythons they ask for, its lock, and what is installed. Nothing is changed. "
    "Exit codes: 0 clean, 1 findings, 2 misuse."
)


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "workspace",
        help="check how a uv workspace is put together",
        description="Look after a uv workspace.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser("check", help="check the workspace", description=DESCRIPTION)
    add_arguments(check)
    check.set_defaults(command=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="the workspace, or a folder in it (default: here)",
    )
    parser.add_argument(
        "--no-environment",
        action="store_true",
        help="leave out what is installed, and look at the files and the lock alone",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from tta_dev_primitives.devtools.workspace.check import check_workspace
    from tta_dev_primitives.devtools.workspace.finding import rows_of, text_of

    report = check_workspace(options.folder, with_environment=not options.no_environment)
    if options.json:
        members = sorted(report.workspace.names)
        rows = {"members": members, "findings": rows_of(report.findings)}
        print(json.dumps(rows, indent=2))
    else:
        print(text_of(report.findings, report.summary), end="")
    return EXIT_FAILED if report.findings else EXIT_OK
