"""The `tta` command: parse, dispatch, and turn mistakes into one line and an exit code."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from tta_dev_primitives import __version__
from tta_dev_primitives.errors import ConfigurationError, MissingExtraError, PrimitiveError

from .exits import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_MISUSE,
    EXIT_OK,
    OutputError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_MISUSE, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    from . import (
        cache,
        cost,
        demo,
        doctor,
        groups,
        index,
        lint,
        list_primitives,
        lockdiff,
        models,
        new,
        release,
        run,
        workspace,
    )

    parser = _Parser(
        prog="tta",
        description="Run workflows over data, and see what they cost.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tta {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for command in (
        run,
        demo,
        cache,
        lint,
        cost,
        list_primitives,
        models,
        new,
        workspace,
        groups,
        lockdiff,
        release,
        index,
        doctor,
    ):
        command.add_parser(commands)
    return parser


def run_command_line(arguments: Sequence[str]) -> int:
    """Run the command that *arguments* name and return its exit code: 0, 1, 2, 3 or 130."""
    code = _dispatch(arguments)
    try:
        sys.stdout.flush()
    except OSError:
        _let_go_of_output()
        return code or EXIT_FAILED
    return code


def _let_go_of_output() -> None:
    # What could not be printed goes nowhere, or the interpreter would try again at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(arguments: Sequence[str]) -> int:
    if importlib.util.find_spec("rich") is None:
        _complain(str(MissingExtraError("rich, which the tta command needs,", "cli")))
        return EXIT_MISUSE
    try:
        options = build_parser().parse_args(list(arguments))
    except SystemExit as leaving:  # argparse has printed help, the version or a complaint
        return leaving.code if isinstance(leaving.code, int) else EXIT_OK
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        sys.stdout.flush()
    except (UsageError, ConfigurationError) as error:
        _complain(str(error))
        return EXIT_MISUSE
    except BrokenPipeError:  # nobody reads on, and nobody has to know
        _let_go_of_output()
        return EXIT_FAILED
    except (OutputError, PrimitiveError, OSError) as error:
        _complain(str(error) or type(error).__name__)
        return EXIT_FAILED
    except KeyboardInterrupt:
        _complain("interrupted")
        return EXIT_INTERRUPTED
    return code


def _complain(text: str) -> None:
    print(f"tta: {' '.join(text.split())}", file=sys.stderr)
