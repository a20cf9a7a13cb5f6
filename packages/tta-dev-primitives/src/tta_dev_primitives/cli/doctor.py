"""`tta doctor`: what this machine and this workspace lack, in plain words."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .exits import EXIT_FAILED, EXIT_OK

if TYPE_CHECKING:
    import argparse

    from .commands import Commands

DESCRIPTION: Final = (
    "Look at uv, git, Python, Redis, keys and ports of this machine, then check the workspace as "
    "tta workspace check does. Nothing is changed, and no key is shown. "
    "Exit codes: 0 no problem (notes are none), 1 problems, 2 misuse."
)


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "doctor", help="say what this machine and workspace lack", description=DESCRIPTION
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="the workspace, or a folder in it (default: here)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from tta_dev_primitives.devtools.doctor.answer import text_of
    from tta_dev_primitives.devtools.doctor.examination import examine

    answers = list(examine(options.folder, os.environ))
    if options.json:
        print(json.dumps([asdict(answer) for answer in answers], indent=2))
    else:
        print(text_of(answers), end="")
    failed = any(answer.state == "problem" for answer in answers)
    return EXIT_FAILED if failed else EXIT_OK
