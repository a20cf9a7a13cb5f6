"""Compare the Pythons that a package names with those that the workflows test."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.workspace.finding import Finding
from tta_dev_primitives.devtools.workspace.pythons import read_range
from tta_dev_primitives.devtools.workspace.unreadable import read_any_text

from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from .packages import Package

_PREFIX: Final = "Programming Language :: Python :: "
_LIST: Final = re.compile(
    r"^(?P<indent>[ ]*)(?:-[ ]+)?python(?:[-_]versions?)?:[ ]*"
    r"(?:\[(?P<inline>[^]]*)]|\n(?P<block>(?:(?P=indent)[ ]*-[ ]+.*\n?)+))",
    re.MULTILINE,
)
_ITEM: Final = re.compile(
    r"""(?:^|[\s,-])["']?(?P<python>3\.\d+)["']?(?=\s*(?:,|$|\#))""", re.MULTILINE
)


def tested_pythons(root: Path) -> dict[str, str]:
    """Return which lines of the workflows list each Python, by a name such as "3.13".

    Lists under a key such as `python` or `python-version` count. Of a Python that is on no
    list, nobody promises more than that a job happens to run on it.

    Raises:
        PyprojectError: A workflow cannot be read.
    """
    found: dict[str, str] = {}
    for path in sorted((root / ".github" / "workflows").glob("*.y*ml")):
        label = path.relative_to(root).as_posix()
        text = read_any_text(path, label).replace("\r\n", "\n")
        for listed in _LIST.finditer(text):
            line = text.count("\n", 0, listed.start()) + 1
            for item in _ITEM.finditer(listed["inline"] or listed["block"] or ""):
                found.setdefault(item["python"], f"{label}:{line}")
    return found


def find(package: Package, tested: Mapping[str, str]) -> Iterator[Finding]:
    """Judge the classifiers of a package; where no workflow lists a Python, nothing is told.

    Args:
        package: Whose classifiers they are.
        tested: What `tested_pythons` has found.

    Raises:
        PyprojectError: `requires-python` is no range.
    """
    pyproject = package.pyproject
    if not tested:
        return
    given = [each for each in pyproject.items("project", "classifiers") if isinstance(each, str)]
    named = [each.removeprefix(_PREFIX) for each in given if each.startswith(f"{_PREFIX}3.")]
    place = pyproject.place("project", "classifiers")
    written = pyproject.text("project", "requires-python")
    wanted = read_range(pyproject, written) if written else None
    fitting = [
        each for each in tested if wanted is None or wanted.contains(f"{each}.99", prereleases=True)
    ]
    unnamed = sorted(set(fitting) - set(named), key=_minor)
    if unnamed:
        where = tested[unnamed[0]]
        message = f"no classifier names Python {', '.join(unnamed)}, which {where} tests"
        fix = f"add {_PREFIX}{unnamed[0]}"
        yield Finding(Rule.PYTHON_NOT_CLASSIFIED, place, message, fix)
    untested = sorted(set(named) - set(fitting), key=_minor)
    for each in untested:
        own = pyproject.place("project", "classifiers", given.index(f"{_PREFIX}{each}"))
        message = f"a classifier names Python {each}, which no workflow tests or which is excluded"
        fix = "add it to the matrix, or take the classifier out"
        yield Finding(Rule.PYTHON_NOT_TESTED, own, message, fix)


def _minor(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", python))
