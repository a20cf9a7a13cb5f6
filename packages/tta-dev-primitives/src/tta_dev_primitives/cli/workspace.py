"""`tta workspace check`: whether a uv workspace is put together soundly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .checking import add_check, add_folder, add_json, tell

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
    add_check(
        commands,
        "workspace",
        helps=("check how a uv workspace is put together", "check the workspace"),
        descriptions=("Look after a uv workspace.", DESCRIPTION),
        add_arguments=add_arguments,
        run=run,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to a parser."""
    add_folder(parser)
    parser.add_argument(
        "--no-environment",
        action="store_true",
        help="leave out what is installed, and look at the files and the lock alone",
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from tta_dev_primitives.devtools.workspace.check import check_workspace

    report = check_workspace(options.folder, with_environment=not options.no_environment)
    others = {"members": sorted(report.workspace.names)}
    return tell(report.findings, report.summary, others, as_json=options.json)
