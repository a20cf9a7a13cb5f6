"""A workspace of two packages that can be released, and what breaks it."""

from __future__ import annotations

from pathlib import Path

from tta_dev_primitives.devtools.release.check import find_in_packages
from tta_dev_primitives.devtools.release.history import History
from tta_dev_primitives.devtools.release.packages import published_packages
from tta_dev_primitives.devtools.release.tags import read_tag
from tta_dev_primitives.devtools.workspace.finding import Finding
from tta_dev_primitives.devtools.workspace.members import read_workspace

from ..workspace.trees_here import write_tree  # noqa: TID252 - the tests are no package

OVEN = """[project]
name = "oven"
version = "1.2.0"
readme = "README.md"
requires-python = ">=3.11"
license-files = ["LICENSE"]
classifiers = [
    "Programming Language :: Python :: 3.11",
    "Programming Language :: Python :: 3.12",
]
"""
TILL = OVEN.replace('"oven"', '"till"') + 'dependencies = ["oven>=1.2,<2"]\n'
FROM_WORKSPACE = "[tool.uv.sources]\noven = { workspace = true }\n"
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-02-03

### Added

- Bread.

## [1.1.0] - 2026-01-02

### Fixed

- The door.
"""
MATRIX = 'jobs:\n  tests:\n    strategy:\n      matrix:\n        python: ["3.11", "3.12"]\n'


def bakery() -> dict[str, str]:
    """Return the files of a workspace in which nothing is wrong with releasing 1.2.0."""
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
        ".github/workflows/checks.yml": MATRIX,
    }
    for name, text in (("oven", OVEN), ("till", TILL + FROM_WORKSPACE)):
        files |= {
            f"packages/{name}/pyproject.toml": text,
            f"packages/{name}/README.md": f"# {name}\n",
            f"packages/{name}/LICENSE": "Do as you like.\n",
            f"packages/{name}/CHANGELOG.md": CHANGELOG,
            f"packages/{name}/src/{name}/__init__.py": '__version__ = "1.2.0"\n',
            f"packages/{name}/src/{name}/py.typed": "\n",
        }
    return files


def findings(
    root: Path,
    changes: dict[str, str | None],
    tag: str | None = None,
    earlier: tuple[str, ...] = ("v1.1.0",),
) -> list[Finding]:
    """Return what is wrong with the files of the bakery after some changes.

    Args:
        root: Where it is written.
        changes: Files that are other; None takes one away.
        tag: What is released.
        earlier: The tags behind the commit.
    """
    files = {**bakery(), **changes}
    write_tree(root, {name: text for name, text in files.items() if text is not None})
    workspace = read_workspace(root)
    wanted = read_tag(tag) if tag else None
    history = History("a" * 40, dict.fromkeys(earlier, "b" * 40), frozenset(earlier), ())
    packages = published_packages(workspace, wanted)
    return list(find_in_packages(workspace, packages, history, wanted))
