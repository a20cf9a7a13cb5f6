"""What a subcommand's module needs of the command line as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import argparse


class Commands(Protocol):
    """The subcommands so far; a command's `add_parser` adds its own."""

    def add_parser(
        self,
        name: str,
        *,
        help: str,  # noqa: A002 - argparse's word
        description: str | None = None,
    ) -> argparse.ArgumentParser:
        """Return a new parser for the subcommand *name*."""
        ...
