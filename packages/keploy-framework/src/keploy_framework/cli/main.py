"""Read the command line, run the command, and turn mistakes into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, NoReturn

from .exits import APP_FAILED, FAILED, MISUSE, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Only the module of the command that runs is imported, as the help must come at once.
_COMMANDS: Final = {
    "record": "record an app: its callers become tests, its calls become mocks",
    "test": "replay recorded tests, with calls of the app answered from mocks",
    "report": "show the report of a run",
    "diff": "show what changed between two runs",
    "normalize": "accept what came in a run as what is expected",
    "sanitize": "take secrets out of recordings",
    "validate": "check that recordings can be read and written without loss",
    "config": "write a configuration file with the defaults",
    "doctor": "say what of an app would not be captured, and why",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(MISUSE, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser(command: str = "") -> argparse.ArgumentParser:
    """Give the parser of the whole command; only *command* has its own options."""
    parser = _Parser(
        prog="keploy",
        description="Record real API traffic as tests and mocks, and replay it.",
        allow_abbrev=False,
    )
    _add_global(parser, default=None)
    commands = parser.add_subparsers(
        metavar="COMMAND", dest="command", required=True, parser_class=_Parser
    )
    for name, summary in _COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            allow_abbrev=False,
        )
        _add_global(sub, default=argparse.SUPPRESS)
        if name == command:
            import_module(f"keploy_framework.cli.{name}").add_arguments(sub)
    return parser


def run_command_line(arguments: Sequence[str]) -> int:
    """Run the command that *arguments* name, and give its exit code: 0, 1, 2 or 3."""
    command = next((word for word in arguments if word in _COMMANDS), "")
    parser = build_parser(command)
    try:
        options = parser.parse_args(arguments)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else MISUSE
    try:
        return int(import_module(f"keploy_framework.cli.{options.command}").run(options))
    except Exception as error:
        code = _code_of(error)
        if code is None or options.debug:
            raise
        sys.stderr.write(f"keploy: {_line_of(error)}\n")
        return code
    except KeyboardInterrupt:
        sys.stderr.write("keploy: stopped by the user\n")
        return FAILED


def main() -> NoReturn:
    """Run the keploy command with the arguments of the process."""
    code = run_command_line(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        # What could not be printed goes nowhere, or the interpreter would try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or FAILED
    sys.exit(code)


def _add_global(parser: argparse.ArgumentParser, *, default: object) -> None:
    group = parser.add_argument_group("of every command")
    group.add_argument(
        "--debug", action="store_true", default=default, help="show where a mistake arose"
    )
    group.add_argument(
        "--json", action="store_true", default=default, help="print the result as JSON"
    )
    group.add_argument(
        "--configPath",
        "--config-path",
        dest="config_path",
        metavar="FOLDER",
        default=default,
        help="the folder with keploy.yml (here)",
    )
    group.add_argument(
        "-p",
        "--path",
        metavar="FOLDER",
        default=default,
        help="the folder that holds the folder keploy (here)",
    )


def _code_of(error: Exception) -> int | None:
    from keploy_framework.errors import (
        AppError,
        KeployConfigError,
        KeployError,
        KeployPathError,
        KeployTreeBusyError,
        ListenError,
    )

    if isinstance(error, AppError):
        return MISUSE if error.reason == "no-command" else APP_FAILED
    wrong = (UsageError, KeployConfigError, KeployPathError, KeployTreeBusyError, ListenError)
    if isinstance(error, wrong):
        return MISUSE
    return FAILED if isinstance(error, KeployError | OSError) else None


def _line_of(error: Exception) -> str:
    from keploy_framework.errors import AppError, KeployError

    if isinstance(error, AppError) and error.last_lines:
        lines = "".join(f"\n  | {line}" for line in error.last_lines)
        return f"{error}{lines}"
    if isinstance(error, OSError) and not isinstance(error, KeployError):
        place = f" {error.filename}" if error.filename else ""
        return f"the system refuses:{place} {error.strerror or type(error).__name__}"
    return str(error)
