"""`tta groups check`: whether groups and extras are sound, and named rightly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .exits import EXIT_FAILED, EXIT_OK

if TYPE_CHECKING:
    import argparse

    from .commands import Commands

DESCRIPTION: Final = (
    "Check the dependency groups and extras of a uv workspace: cycles and unknown includes, "
    "floors that differ, tools that ship with a package, names in workflows, tasks and docs that "
    "do not exist, groups that nothing uses. Nothing is changed. "
    "Exit codes: 0 clean, 1 findings, 2 misuse."
)


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "groups",
        help="check dependency groups and extras, and who names them",
        description="Look after the dependency groups of a uv workspace.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser("check", help="check the groups", description=DESCRIPTION)
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
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from tta_dev_primitives.devtools.groups.check import check_groups
    from tta_dev_primitives.devtools.workspace.finding import rows_of, text_of

    report = check_groups(options.folder)
    if options.json:
        groups = [{"name": group.name, "place": group.place} for group in report.declared.groups]
        extras = {name: sorted(found) for name, found in sorted(report.declared.extras.items())}
        rows = {"groups": groups, "extras": extras, "findings": rows_of(report.findings)}
        print(json.dumps(rows, indent=2))
    else:
        print(text_of(report.findings, report.summary), end="")
    return EXIT_FAILED if report.findings else EXIT_OK
