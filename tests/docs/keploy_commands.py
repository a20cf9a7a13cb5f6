"""Write the tables of `docs/keploy/commands.md` from the parsers of the keploy command.

Usage: ``uv run python tests/docs/keploy_commands.py [--write]``. Without the option the page is
printed. Exit codes: 0 it is up to date or was written, 1 it is not, 2 misuse.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from keploy_framework.cli import main as command_line

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parents[2] / "docs/keploy/commands.md"
MARK = "<!-- What follows is written by tests/docs/keploy_commands.py. -->\n"

# argparse has no public way to list what a parser takes.
# pyright: reportPrivateUsage=false


def page_with_tables(page: str) -> str:
    """Keep the head of the page up to the mark, and write the rest anew.

    Raises:
        ValueError: The page has no mark.
    """
    head, mark, _ = page.partition(MARK)
    if not mark:
        problem = f"the page has no line {MARK.strip()!r}; put it below the head"
        raise ValueError(problem)
    return head + mark + "\n" + "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    parser = argparse.ArgumentParser(add_help=False)
    command_line._add_global(parser, default=None)
    yield "## Options of every command"
    yield ""
    yield from _table(parser)
    for name, summary in command_line._COMMANDS.items():
        parser = argparse.ArgumentParser(add_help=False)
        import_module(f"keploy_framework.cli.{name}").add_arguments(parser)
        yield f"## `keploy {name}`"
        yield ""
        yield f"{summary[0].upper()}{summary[1:]}."
        yield ""
        yield from _table(parser)


def _table(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for action in parser._actions:
        if action.help != argparse.SUPPRESS:
            meaning = (action.help or "").replace("|", "\\|")
            yield f"| {_spelled(action)} | {meaning} |"
    yield ""


def _spelled(action: argparse.Action) -> str:
    value = ""
    if action.choices is not None:
        value = " {" + ",".join(str(one) for one in action.choices) + "}"
    elif action.nargs != 0:
        value = f" {action.metavar or action.dest.upper()}"
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    *others, last = action.option_strings
    return ", ".join([*(f"`{one}`" for one in others), f"`{last}{value}`"])


def main() -> int:
    """Print the page or write it, and tell whether it was up to date."""
    parser = argparse.ArgumentParser(description="Write the tables of docs/keploy/commands.md.")
    parser.add_argument("--write", action="store_true", help="replace the page")
    options = parser.parse_args()
    before = PAGE.read_text(encoding="utf-8")
    after = page_with_tables(before)
    if options.write:
        PAGE.write_text(after, encoding="utf-8")
        return 0
    sys.stdout.write(after)
    return int(before != after)


if __name__ == "__main__":
    sys.exit(main())
