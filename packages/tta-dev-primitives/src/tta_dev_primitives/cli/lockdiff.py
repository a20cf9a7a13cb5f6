"""`tta lockdiff`: what changed between two locks of uv, and what of that needs eyes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .exits import EXIT_FAILED, EXIT_OK, UsageError

if TYPE_CHECKING:
    import argparse

    from tta_dev_primitives.devtools.lockfile.revisions import Side

    from .commands import Commands

DESCRIPTION: Final = (
    "Compare two locks of uv, and say what needs eyes. BASE and HEAD are files, or revisions of "
    "git; without HEAD, BASE is compared with the file on disk. Exit codes: 0 nothing has level "
    "fail, 1 something has, 2 misuse."
)
LOCK: Final = "uv.lock"
FORMATS: Final = ("text", "markdown", "json")


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "lockdiff", help="compare two locks of uv", description=DESCRIPTION
    )
    add_arguments(parser)
    parser.set_defaults(command=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to a parser."""
    add = parser.add_argument
    add("base", metavar="BASE", help="the older lock: a file, or a revision of git")
    add("head", metavar="HEAD", nargs="?", help="the newer one (default: the file on disk)")
    add(
        "--lockfile",
        type=Path,
        metavar="FILE",
        help="where the lock is, on disk and in revisions (default: uv.lock here, or in the "
        "nearest folder above that has one)",
    )
    add(
        "--merge-base",
        action="store_true",
        help="compare with the last commit that the revision BASE shares with HEAD",
    )
    add(
        "--registry",
        metavar="URL",
        help="the one index that packages may come from (default: uv's own default)",
    )
    add(
        "--yanked",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="pages of an index in JSON, a folder of them, or what uv printed when it resolved; "
        "may be repeated",
    )
    add("--format", choices=FORMATS, help="default: text")
    add("--json", action="store_true", help="the same as --format json")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from tta_dev_primitives.devtools.lockfile.default_index import default_registry
    from tta_dev_primitives.devtools.lockfile.json_format import render_json
    from tta_dev_primitives.devtools.lockfile.judging import judge
    from tta_dev_primitives.devtools.lockfile.markdown_format import render_markdown
    from tta_dev_primitives.devtools.lockfile.text_format import render_text
    from tta_dev_primitives.devtools.lockfile.yanked import read_withdrawals

    if options.json and options.format not in (None, "json"):
        msg = f"--json and --format {options.format} do not go together; leave one out"
        raise UsageError(msg)
    base, head = _sides(options)
    registry: str = options.registry or default_registry()
    report = judge(base, head, registry, read_withdrawals(options.yanked))
    render = {"json": render_json, "markdown": render_markdown, "text": render_text}
    chosen = "json" if options.json else options.format or "text"
    print(render[chosen](report), end="")
    return EXIT_FAILED if report.fails else EXIT_OK


def _sides(options: argparse.Namespace) -> tuple[Side, Side]:
    from tta_dev_primitives.devtools.lockfile.revisions import side_from_file, side_from_revision

    lockfile: Path = options.lockfile or _nearest_lock()

    def side(given: str) -> Side:
        path = Path(given)
        return side_from_file(path) if path.is_file() else side_from_revision(given, lockfile)

    head = side_from_file(lockfile) if options.head is None else side(options.head)
    if not options.merge_base:
        return side(options.base), head
    other = options.head or "HEAD"
    for given in (options.base, other):
        if Path(given).is_file():
            msg = f"--merge-base needs revisions, got the file {given!r}; leave one of them out"
            raise UsageError(msg)
    return side_from_revision(options.base, lockfile, shared_with=other), head


def _nearest_lock() -> Path:
    here = Path.cwd()
    for steps, folder in enumerate((here, *here.parents)):
        if (folder / LOCK).exists():
            return Path(*[os.pardir] * steps, LOCK)
    return Path(LOCK)
