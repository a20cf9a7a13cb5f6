"""Find members that ask for different Pythons, or for fewer than they could."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import MissingExtraError

from .finding import Finding
from .members import Workspace, name_of
from .pyproject import Pyproject, PyprojectError
from .rules import Rule
from .unreadable import read_any_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.specifiers import SpecifierSet

    from .toml_positions import Keys

_REQUIRES: Final = ("project", "requires-python")
_CAPS: Final = frozenset({"<", "<=", "~=", "==", "==="})
_PIN: Final = re.compile(r"\s*(?:cpython[@-]?)?(?P<version>3\.\d+(?:\.\d+)?)t?\s*")
_LATEST: Final = 99  # a minor or patch version that is not reached


def find(workspace: Workspace) -> Iterator[Finding]:
    """Judge `requires-python` of every member, and the pins in `.python-version` files.

    Raises:
        MissingExtraError: packaging is not installed.
        PyprojectError: A range is none, or a pin cannot be read.
    """
    members = [member for member in workspace.members if "project" in member.tree]
    ranges: dict[str, tuple[Pyproject, SpecifierSet]] = {}
    for member in members:
        written = member.text(*_REQUIRES)
        if written is None:
            yield Finding(
                Rule.MISSING_PYTHON,
                member.place(*_REQUIRES),
                "[project] has no requires-python, so installers offer it to every Python",
                'say the lowest that you test, such as requires-python = ">=3.11"',
            )
            continue
        spoken = read_range(member, written)
        ranges[member.label] = (member, spoken)
        caps = _caps(spoken)
        if caps:
            yield Finding(
                Rule.PYTHON_CAP,
                member.place(*_REQUIRES),
                f"requires-python = {written!r} has the cap {', '.join(caps)}, which "
                "locks out newer Pythons, and with them whoever depends on the package",
                "keep the lower bound alone; the matrix of CI says what is tested",
            )
    yield from _differences(list(ranges.values()))
    yield from _pins(workspace, list(ranges.values()))


def read_range(member: Pyproject, written: str, keys: Keys = _REQUIRES) -> SpecifierSet:
    """Return the range of versions that a member asks for, by default of Python.

    Args:
        member: The file.
        written: The range.
        keys: Where it stands.

    Raises:
        MissingExtraError: packaging is not installed.
        PyprojectError: It is no range.
    """
    try:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet
    except ImportError as error:
        missing = "packaging, which reads versions,"
        raise MissingExtraError(missing, "workspace") from error
    try:
        return SpecifierSet(written)
    except InvalidSpecifier as error:
        msg = f"{member.place(*keys)}: {keys[-1]} = {written!r} is no range of versions"
        raise PyprojectError(member.path, f'{msg}; write one such as ">=3.11"') from error


def _differences(ranges: list[tuple[Pyproject, SpecifierSet]]) -> Iterator[Finding]:
    counts = Counter(spoken for _, spoken in ranges)
    if len(counts) < 2:
        return
    # Where no range is the usual one, the narrowest without a cap already counts for all.
    usual = max(counts, key=lambda each: (counts[each], not _caps(each), -_width(each)))
    lines = [f"- {name_of(member)}: {_as_uv(spoken)}" for member, spoken in ranges]
    conflict = "\n".join(["error: Found conflicting Python requirements:", *lines])
    meet = any(all(spoken.contains(v) for _, spoken in ranges) for v in _versions())
    for member, spoken in ranges:
        if spoken != usual:
            others = [name_of(each) or each.label for each, other in ranges if other == usual]
            yield Finding(
                Rule.DIFFERENT_PYTHON,
                member.place(*_REQUIRES),
                f"requires-python is {_as_uv(spoken)!r} here and {_as_uv(usual)!r} in "
                f"{', '.join(others)}; uv only takes Pythons that fit every member",
                f'write requires-python = "{_as_uv(usual)}" here, or change the others',
                "" if meet else conflict,
            )


def _pins(workspace: Workspace, ranges: list[tuple[Pyproject, SpecifierSet]]) -> Iterator[Finding]:
    for folder in dict.fromkeys([workspace.root, *(m.path.parent for m in workspace.members)]):
        path = folder / ".python-version"
        if not path.is_file():
            continue
        written = read_any_text(path, workspace.label(path))
        for number, line in enumerate(written.splitlines(), start=1):
            text = line.partition("#")[0]
            pin = _PIN.fullmatch(text)
            if pin is None:
                continue
            refusing = [(member, spoken) for member, spoken in ranges if not _fits(spoken, pin)]
            if refusing:
                yield _out_of_range(workspace.label(path), number, pin["version"], refusing)
            break  # the first version is what uv takes; the others are for other tools


def _out_of_range(
    label: str, number: int, version: str, refusing: list[tuple[Pyproject, SpecifierSet]]
) -> Finding:
    names = ", ".join(name_of(member) or member.label for member, _ in refusing)
    common = ", ".join(sorted({_as_uv(spoken) for _, spoken in refusing}))
    return Finding(
        Rule.PYTHON_OUT_OF_RANGE,
        f"{label}:{number}",
        f"Python {version} is outside requires-python = {common!r} of {names}",
        "pin one inside the range: uv python pin VERSION",
        f"error: The Python request from `.python-version` resolved to Python {version}, which "
        f"is incompatible with the project's Python requirement: `{common}`.",
    )


def _fits(spoken: SpecifierSet, pin: re.Match[str]) -> bool:
    version = pin["version"]
    whole = version.count(".") == 2
    candidates = [version] if whole else [f"{version}.{patch}" for patch in range(_LATEST)]
    return any(spoken.contains(each) for each in candidates)


def _caps(spoken: SpecifierSet) -> list[str]:
    return sorted(str(each) for each in spoken if each.operator in _CAPS)


def _versions() -> list[str]:
    return [f"3.{minor}.{patch}" for minor in range(_LATEST) for patch in (0, _LATEST)]


def _width(spoken: SpecifierSet) -> int:
    return sum(spoken.contains(each) for each in _versions())


def _as_uv(spoken: SpecifierSet) -> str:
    return ", ".join(sorted((str(each) for each in spoken), reverse=True))
