"""`tta new`: a package or an app that works from its first minute, from a template."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.templates.generate import (
    APP_SUMMARY,
    PACKAGE_SUMMARY,
    new_app,
    new_package,
    update,
)

from .exits import EXIT_OK

if TYPE_CHECKING:
    import argparse

    from .commands import Commands

_AFTER_PACKAGE = """\
next:
  uv lock && uv sync
  uv run pytest {folder}/tests
  commit it, uv.lock as well
"""
_AFTER_APP = """\
next:
  cd {folder}
  git init, if it is a repository of its own
  uv sync
  uv run pytest
  uv run keploy test
  commit it, uv.lock as well
"""


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "new",
        help="make a package or an app from a template, or update one",
        description="Make a package or an app from a template, or bring one up to the newest "
        "template. Nothing that is there is written over, and work that is not committed is "
        "never mixed with what is made.",
    )
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    package = kinds.add_parser("package", help="a package of this uv workspace")
    app = kinds.add_parser("app", help="an app of its own, in a folder here")
    for kind, summary in ((package, PACKAGE_SUMMARY), (app, APP_SUMMARY)):
        kind.add_argument("name", metavar="NAME", help="lower-case letters, digits and hyphens")
        kind.add_argument("--summary", metavar="TEXT", default=summary, help="in one sentence")
    package.set_defaults(command=run_package)
    app.set_defaults(command=run_app)
    renewed = kinds.add_parser("update", help="bring what was made up to the newest template")
    renewed.add_argument("folder", metavar="FOLDER", nargs="?", default=".", help="else this one")
    renewed.set_defaults(command=run_update)


def run_package(options: argparse.Namespace) -> int:
    """Run `tta new package`."""
    folder = _shown(new_package(Path.cwd(), options.name, options.summary))
    print(f"made {folder}\n{_AFTER_PACKAGE.format(folder=folder)}", end="")
    return EXIT_OK


def run_app(options: argparse.Namespace) -> int:
    """Run `tta new app`."""
    folder = _shown(new_app(Path.cwd(), options.name, options.summary))
    print(f"made {folder}\n{_AFTER_APP.format(folder=folder)}", end="")
    return EXIT_OK


def run_update(options: argparse.Namespace) -> int:
    """Run `tta new update`."""
    folder = Path(options.folder)
    print(f"{folder} follows template {update(folder)}; look at: git diff")
    return EXIT_OK


def _shown(folder: Path) -> Path:
    here = Path.cwd().resolve()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
