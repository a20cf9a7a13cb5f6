"""`tta cost`: measure what the primitives save, with bounds and a verdict."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .event_loop import stop_signals_as_interrupt
from .exits import UsageError
from .run import positive_int

if TYPE_CHECKING:
    from .commands import Commands

FORMATS: Final = ("text", "json", "markdown", "html")
_ADVISE: Final = "advise"
_DIFF: Final = "diff"
_STDIN: Final = Path("/dev/stdin")
DESCRIPTION: Final = (
    "Measure what a cache and a router save on recorded calls of models, how much of the quality "
    "stays, and whether both reach their targets at the lower ends of what the figures allow. "
    "Without a file the demo's 600 tickets are run with and without the primitives. "
    "`tta cost advise FILE` tells what would save most; `tta cost diff BEFORE AFTER` tells what "
    "got dearer, and why. A file is JSONL of requests (- reads it from standard input), a trace "
    "file, or a folder of keploy mocks. "
    "Exit codes: 0 PASS, 1 FAIL, 2 misuse, 3 NOT MEASURED."
)


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "cost",
        help="measure what the primitives save, at what quality",
        description=DESCRIPTION,
    )
    add_arguments(parser)
    parser.set_defaults(command=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to a parser."""
    add = parser.add_argument
    add(
        "traffic",
        nargs="*",
        metavar="FILE",
        help="recorded requests; without any, the demo is measured",
    )
    add("--target", type=share, default=0.40, help="share of the cost to be saved (0.40)")
    add("--quality", type=share, default=0.95, help="share of the quality to be kept (0.95)")
    add("--router", metavar="MODULE_OR_FILE:NAME", help="your router, instead of a fitted one")
    add("--prices", type=Path, metavar="FILE", help="TOML with prices of your own")
    add("--code", type=Path, default=Path(), metavar="FOLDER", help="code to look at (here)")
    add("--no-adoption", action="store_true", help="do not look at the code")
    add("--format", choices=FORMATS, help="default: text")
    add("--json", action="store_true", help="the same as --format json")
    add("--output", type=Path, metavar="FILE", help="write the report there, and a line here")
    add("--strict", action="store_true", help="NOT MEASURED ends with 1 as well")
    add("--seed", type=int, default=0, metavar="N", help="another draw (0)")
    add("--tickets", type=positive_int, metavar="N", help="tickets of the demo (600)")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    if options.json and options.format not in (None, "json"):
        msg = f"--json and --format {options.format} do not go together; leave one out"
        raise UsageError(msg)
    options.format = options.format or ("json" if options.json else "text")
    with stop_signals_as_interrupt():  # so that what was spooled goes, however it ends
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    action, *files = options.traffic or [""]
    if action in (_ADVISE, _DIFF):
        return _tell(action, files, options)
    if files:
        msg = f"one FILE can be measured at a time, got {' '.join(options.traffic)}"
        raise UsageError(msg)
    if action and options.tickets is not None:
        msg = f"--tickets is for the demo, and {action} was given; leave one out"
        raise UsageError(msg)
    from .cost_measure import measure

    return measure(_path_of(action) if action else None, options)


def share(text: str) -> float:
    """Parse a share such as `0.4` or `40%`."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        msg = f"expected a share from 0 to 1, or in percent, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _path_of(file: str) -> Path:
    if file != "-":
        return Path(file)
    if not _STDIN.exists():
        msg = "- is standard input, which cannot be read here; give the name of a file"
        raise UsageError(msg)
    return _STDIN


def _tell(action: str, files: list[str], options: argparse.Namespace) -> int:
    wanted = 1 if action == _ADVISE else 2
    if len(files) != wanted:
        named = "one FILE" if wanted == 1 else "two FILEs, before and after"
        msg = f"tta cost {action} takes {named}, got {len(files)}"
        raise UsageError(msg)
    if options.format == "html":
        msg = f"tta cost {action} has no HTML page; take text, json or markdown"
        raise UsageError(msg)
    if files == ["-", "-"]:
        msg = "standard input can be read once; give the name of a file for one of the two"
        raise UsageError(msg)
    from .cost_advice import advise, compare

    paths = [_path_of(file) for file in files]
    return advise(paths[0], options) if wanted == 1 else compare(paths[0], paths[1], options)
