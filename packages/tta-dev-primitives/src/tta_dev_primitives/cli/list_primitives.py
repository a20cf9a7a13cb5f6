"""`tta list`: every primitive with its one-line summary."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import tta_dev_primitives
from tta_dev_primitives.core.base import WorkflowPrimitive

from .exits import EXIT_OK
from .report import plain_table

if TYPE_CHECKING:
    import argparse

    from .commands import Commands


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("list", help="list every primitive with its summary")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from rich.console import Console

    found = primitives()
    if options.json:
        json.dump(found, sys.stdout)
        print()
        return EXIT_OK
    table = plain_table("primitive", "summary")
    table.columns[1].justify = "left"
    for primitive in found:
        table.add_row(primitive["name"], primitive["summary"])
    Console().print(table)
    return EXIT_OK


def primitives() -> list[dict[str, str]]:
    """Return name, module and summary of every primitive in the public API."""
    found: list[dict[str, str]] = []
    for name in tta_dev_primitives.__all__:
        value: Any = getattr(tta_dev_primitives, name)  # Any: whatever the API holds
        if isinstance(value, type) and issubclass(value, WorkflowPrimitive):
            summary = (value.__doc__ or "").strip().partition("\n")[0]
            found.append({"name": name, "module": value.__module__, "summary": summary})
    return found
