"""The commands `show`, `summary` and `diff`, for trace files on a terminal."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any, Final

from observability_integration.terminal.text import printable, style_of, write
from observability_integration.terminal.tree import DEFAULT_MAX_SPANS, trace_lines

from .diff import DEFAULT_TOLERANCE, diff
from .errors import TraceFileError, UnknownTraceError
from .reader import TraceFile
from .text import diff_lines, summary_lines, traces_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_OK: Final = 0
EXIT_FOUND: Final = 1
EXIT_MISUSE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 is well, 1 means that `diff` found changes or `show` no such trace, 2 that the command or a
    file cannot be used.
    """
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        return asked.command(asked)
    except UnknownTraceError as error:
        return _complain(error, EXIT_FOUND)
    except TraceFileError as error:
        return _complain(error, EXIT_MISUSE)
    except BrokenPipeError:
        # Whoever reads has seen enough, for example `head`; the interpreter must not try again.
        sys.stdout = None
        return EXIT_OK


def _show(asked: argparse.Namespace) -> int:
    style = style_of(sys.stdout)
    file = TraceFile(asked.file, run=asked.run)
    if asked.trace is None:
        entries = file.traces(limit=asked.limit or None, name=asked.name)
        return _print(asked, entries, lambda: traces_lines(entries, style))
    spans = file.spans(asked.trace)
    limit = asked.limit or len(spans)
    tree = [span.as_tree_span() for span in spans]
    return _print(asked, spans, lambda: trace_lines(tree, style, max_spans=limit))


def _summary(asked: argparse.Namespace) -> int:
    summary = TraceFile(asked.file, run=asked.run).summary()
    return _print(asked, summary, lambda: summary_lines(summary, style_of(sys.stdout)))


def _diff(asked: argparse.Namespace) -> int:
    one, other = TraceFile(asked.a, run=asked.run_a), TraceFile(asked.b, run=asked.run_b)
    found = diff(one, other, tolerance=asked.tolerance)
    _print(asked, found, lambda: diff_lines(found, style_of(sys.stdout)))
    return EXIT_FOUND if found.changes else EXIT_OK


def _print(asked: argparse.Namespace, results: object, lines: Any) -> int:  # Any: makes the text
    write(sys.stdout, [_json(results)] if asked.json else lines())
    return EXIT_OK


def _json(results: object) -> str:
    return json.dumps(results, default=_plain, indent=2)


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return str(value)


def _complain(error: TraceFileError, code: int) -> int:
    write(sys.stderr, [f"error: {printable(str(error))}"])
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m observability_integration",
        description="Look at trace files, and compare them.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    show = commands.add_parser("show", help="list the traces of a file, or show one as a tree")
    show.add_argument("file", metavar="FILE", help="a trace file")
    show.add_argument("trace", metavar="TRACE", nargs="?", help="the first digits of a trace's id")
    show.add_argument("--name", help="list traces of this name; * stands for any letters")
    show.add_argument(
        "--limit",
        type=_whole,
        default=DEFAULT_MAX_SPANS,
        help="most lines; 0 for all (%(default)s)",
    )
    show.set_defaults(command=_show)

    summary = commands.add_parser("summary", help="say what all traces of a file came to")
    summary.add_argument("file", metavar="FILE", help="a trace file")
    summary.set_defaults(command=_summary)

    for command in (show, summary):
        command.add_argument("--run", type=int, help="look at one run of the file only")

    compare = commands.add_parser("diff", help="say what changed from one file to another")
    compare.add_argument("a", metavar="A", help="the trace file from before")
    compare.add_argument("b", metavar="B", help="the trace file from after; may be the same")
    compare.add_argument("--run-a", type=int, metavar="RUN", help="one run of A only")
    compare.add_argument("--run-b", type=int, metavar="RUN", help="one run of B only")
    compare.add_argument(
        "--tolerance",
        type=_part,
        default=DEFAULT_TOLERANCE,
        help="the part by which times may differ (%(default)s)",
    )
    compare.set_defaults(command=_diff)

    for command in (show, summary, compare):
        command.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        msg = f"{text} is below 0"
        raise argparse.ArgumentTypeError(msg)
    return number


def _part(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        msg = f"{text} is not from 0 to 1"
        raise argparse.ArgumentTypeError(msg)
    return number
