"""``keploy validate``: check that recordings can be read and written without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exits import FAILED, PASSED

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("folder", nargs="?", help="a folder of recordings (the folder keploy)")


def run(options: argparse.Namespace) -> int:
    """Check, and tell by the exit code whether everything is in order."""
    from pathlib import Path

    from keploy_framework.formats import validate_tree

    from .exits import UsageError
    from .settings import Settings
    from .speaking import print_json, print_text, warn

    settings = Settings(options)
    warn(settings)
    root = Path(options.folder) if options.folder else settings.tree_folder
    if not root.exists():
        problem = f"there is no folder {root}; name one with recordings"
        raise UsageError(problem)
    check = validate_tree(root)
    if options.json:
        print_json(check.as_data())
    else:
        for problem in check.problems:
            print_text(f"{problem.file}:{problem.line}: {problem.reason}")
        print_text(
            f"{check.files} files with {check.tests} tests and {check.mocks} mocks: "
            f"{check.equal} equal, {check.unequal} unequal, {check.damaged} damaged"
        )
    return FAILED if check.unequal or check.damaged or check.problems else PASSED
