"""`tta release`: whether the packages can be released, and what the release brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .checking import add_check, add_folder, add_json, tell
from .exits import EXIT_OK

if TYPE_CHECKING:
    import argparse

    from .commands import Commands

DESCRIPTION: Final = (
    "Check the published packages of a uv workspace: versions, change logs, what indexes want of a "
    "package, and the lock. Members with a classifier Private :: or [tool.uv] package = false are "
    "left out. With --tag, check that this commit can be released under the tag, or "
    "was released rightly. Nothing is built or changed. "
    "Exit codes: 0 clean, 1 findings, 2 misuse."
)
_NOTES: Final = (
    "Print what the change logs say of the version that TAG releases, as Markdown for the page of "
    "the release. Exit codes: 0 done, 2 misuse."
)
_TAG: Final = "v1.2.3 for all packages, or NAME-v1.2.3 for one"


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    actions = add_check(
        commands,
        "release",
        helps=("check that packages can be released", "check versions, change logs and files"),
        descriptions=("Look after the releases of a uv workspace.", DESCRIPTION),
        add_arguments=add_arguments,
        run=run,
    )
    notes = actions.add_parser("notes", help="print what a release brings", description=_NOTES)
    notes.add_argument("tag", metavar="TAG", help=_TAG)
    add_folder(notes)
    notes.set_defaults(command=run_notes)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the check to a parser."""
    add_folder(parser)
    parser.add_argument(
        "--tag",
        metavar="TAG",
        help=f"what is released: {_TAG}; it need not be there yet",
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run `tta release check`."""
    from tta_dev_primitives.devtools.release.check import check_release

    report = check_release(options.folder, options.tag)
    others = {
        "tag": report.tag.text if report.tag else None,
        "is_tagged": report.is_tagged,
        "packages": [
            {"name": each.name, "version": str(each.version) if each.version else None}
            for each in report.packages
        ],
    }
    return tell(report.findings, report.summary, others, as_json=options.json)


def run_notes(options: argparse.Namespace) -> int:
    """Run `tta release notes`."""
    from tta_dev_primitives.devtools.release.notes import release_notes
    from tta_dev_primitives.devtools.release.tags import read_tag
    from tta_dev_primitives.devtools.workspace.members import read_workspace

    print(release_notes(read_workspace(options.folder), read_tag(options.tag)), end="")
    return EXIT_OK
