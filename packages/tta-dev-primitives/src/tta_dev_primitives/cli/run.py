"""`tta run`: any JSONL through any workflow."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from typing import TYPE_CHECKING

from .event_loop import run_async
from .exits import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from .job import run_job
from .lines import open_lines
from .progress import progress
from .report import job_summary, print_job_report
from .results import ResultFile, open_results
from .workflows import load_workflow

if TYPE_CHECKING:
    from .commands import Commands


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "run",
        help="run a workflow on every line of a JSONL file",
        description="Run a workflow on every line of a JSONL file. Errors stay in the output, "
        "one record an item; Ctrl-C keeps what has finished, and --resume goes on from there.",
    )
    parser.add_argument("workflow", metavar="MODULE_OR_FILE:WORKFLOW")
    parser.add_argument("--input", required=True, metavar="FILE", help="JSONL, or - for stdin")
    parser.add_argument("--output", required=True, metavar="FILE", help="JSONL, or - for stdout")
    parser.add_argument(
        "--concurrency", type=positive_int, default=10, metavar="N", help="items at once (10)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with an earlier run's output")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    if options.json and options.output == "-":
        msg = "--json and --output - both want standard output; give --output a file"
        raise UsageError(msg)
    workflow = load_workflow(options.workflow)
    with (
        open_lines(options.input) as lines,
        contextlib.closing(open_results(options.output, resume=options.resume)) as results,
        progress("items") as advance,
    ):
        report = run_async(
            run_job(
                workflow,
                lines,
                results,
                concurrency=options.concurrency,
                on_item=lambda report: advance(report.errors),
            )
        )
    if options.json:
        json.dump(job_summary(report), sys.stdout)
        print()
    else:
        print_job_report(report)
    if report.interrupted:
        then = ", --resume goes on" if isinstance(results, ResultFile) else ""
        print(f"tta: interrupted; what had finished is kept{then}", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_FAILED if report.errors else EXIT_OK


def positive_int(text: str) -> int:
    """Parse a whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        msg = f"expected a whole number of at least 1, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value
