"""`tta list`: every primitive of the installed packages with its one-line summary."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.devtools.primitive_manifest.installed import (
    OWN_DISTRIBUTION,
    installed_primitives,
)

from .cache_entries import printable
from .exits import EXIT_FAILED, EXIT_OK
from .report import plain_table

if TYPE_CHECKING:
    import argparse

    from .commands import Commands


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "list",
        help="list every primitive with its summary",
        description="List the primitives of tta-dev-primitives and of other installed packages "
        "that publish some. Their manifests and sources are read; nothing of them is imported.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; a package that cannot be read is a complaint, and exit code 1."""
    from rich.console import Console
    from rich.text import Text

    found = installed_primitives()
    for problem in found.problems:
        print(f"tta: {printable(problem)}", file=sys.stderr)
    code = EXIT_FAILED if found.problems else EXIT_OK
    rows: list[dict[str, Any]] = []  # Any: JSON
    for package, entry in found.entries:
        row = {"name": entry.name, "module": entry.module, "summary": entry.summary}
        rows.append(row | {"package": package, "import_path": entry.import_path})
        rows[-1]["extras"] = list(entry.extras)
    if options.json:
        json.dump(rows, sys.stdout)
        print()
        return code
    others = any(row["package"] != OWN_DISTRIBUTION for row in rows)
    table = plain_table("primitive", "summary", *(["package"] if others else []))
    for column in table.columns:
        column.justify = "left"
    for row in rows:
        cells = [row["name"], row["summary"], *([row["package"]] if others else [])]
        # What other packages say is text, and neither markup nor commands to the terminal.
        table.add_row(*(Text(printable(cell)) for cell in cells))
    Console().print(table)
    return code
