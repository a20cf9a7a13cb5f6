"""What the commands have in common that check a workspace: parsers, output, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .exits import EXIT_FAILED, EXIT_OK

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from tta_dev_primitives.devtools.workspace.finding import Finding

    from .commands import Commands


def add_check(
    commands: Commands,
    name: str,
    *,
    helps: tuple[str, str],
    descriptions: tuple[str, str],
    add_arguments: Callable[[argparse.ArgumentParser], None],
    run: Callable[[argparse.Namespace], int],
) -> Commands:
    """Add a command with an action `check`, and return where further actions go.

    Args:
        commands: The commands so far.
        name: The command.
        helps: One line each about the command and its check.
        descriptions: What each of them says of itself at length.
        add_arguments: Adds the options of the check.
        run: Runs the check.
    """
    parser = commands.add_parser(name, help=helps[0], description=descriptions[0])
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser("check", help=helps[1], description=descriptions[1])
    add_arguments(check)
    check.set_defaults(command=run)
    return actions


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the workspace that is looked at."""
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="the workspace, or a folder in it (default: here)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option for programs."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def tell(
    findings: Sequence[Finding],
    clean: str,
    others: Mapping[str, Any],  # Any: JSON
    *,
    as_json: bool,
) -> int:
    """Print what a check found and return its exit code: 0 for nothing, else 1.

    Args:
        findings: What it found.
        clean: The line for people where that is nothing.
        others: What programs get besides the findings.
        as_json: Whether it is for programs.
    """
    from tta_dev_primitives.devtools.workspace.finding import rows_of, text_of

    if as_json:
        print(json.dumps({**others, "findings": rows_of(findings)}, indent=2))
    else:
        print(text_of(findings, clean), end="")
    return EXIT_FAILED if findings else EXIT_OK
