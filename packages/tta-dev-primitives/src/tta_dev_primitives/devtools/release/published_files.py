"""Judge the files that a package is published with: types, licence and README."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.build_hook.wheel_content import (
    missing_licence,
    outermost_packages,
    untyped_packages,
)
from tta_dev_primitives.devtools.lockfile.toml_text import is_table, text_in
from tta_dev_primitives.devtools.workspace.finding import Finding

from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.workspace.members import Workspace

    from .packages import Package

_LICENCES: Final = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")
_RENDERED: Final = {
    ".md": "text/markdown",
    ".rst": "text/x-rst",
    ".txt": "text/plain",
}


def find(workspace: Workspace, package: Package) -> Iterator[Finding]:
    """Judge what the wheel of a package would hold, without building it."""
    modules = package.modules()
    for outermost in outermost_packages(modules):
        init = modules[f"{outermost}/__init__.py"]
        own = {name: path for name, path in modules.items() if name.startswith(f"{outermost}/")}
        for fault in untyped_packages(own):
            place = workspace.label(Path(init).with_name("py.typed"))
            yield Finding(Rule.UNTYPED_PACKAGE, place, fault.wrong, fault.fix)
    for fault in missing_licence(package.folder, _licences(package)):
        place = package.pyproject.place("project", "license-files")
        yield Finding(Rule.NO_LICENCE, place, fault.wrong, fault.fix)
    yield from _readme(package)


def _licences(package: Package) -> list[str]:
    given = package.pyproject.items("project", "license-files")
    patterns = [each for each in given if isinstance(each, str)] or list(_LICENCES)
    return sorted(
        path.relative_to(package.folder).as_posix()
        for pattern in patterns
        for path in _matching(package.folder, pattern)
    )


def _matching(folder: Path, pattern: str) -> list[Path]:
    try:
        return [path for path in folder.glob(pattern) if path.is_file()]
    except (ValueError, NotImplementedError):
        return []  # such as an absolute path, which builds refuse in words of their own


def _readme(package: Package) -> Iterator[Finding]:
    pyproject = package.pyproject
    given = pyproject.at("project", "readme")
    place = pyproject.place("project", "readme")
    table = given if is_table(given) else {}
    file = given if isinstance(given, str) else text_in(table, "file")
    content_type = text_in(table, "content-type")
    if file is None and text_in(table, "text") is None:
        message = f"{package.name} names no readme, so its page on an index stays empty"
        yield Finding(Rule.MISSING_README, place, message, 'write readme = "README.md"')
        return
    if file is not None:
        path = package.folder / file
        if not path.is_file() or not path.stat().st_size:
            state = "is empty" if path.is_file() else "is not there"
            message = f"readme = {file!r} {state}"
            fix = "say in it what the package is for, and how it is installed"
            yield Finding(Rule.MISSING_README, place, message, fix)
    found = content_type.partition(";")[0].strip().lower() if content_type else None
    by_name = _RENDERED.get(PurePosixPath(file or "").suffix.lower())
    if (found or by_name) not in _RENDERED.values():
        message = f"the readme {content_type or file!r} is of no kind that indexes render"
        fix = f"write it as {', '.join(_RENDERED)}, or say content-type = 'text/markdown'"
        yield Finding(Rule.README_TYPE, place, message, fix)
    elif found and by_name and found != by_name:
        message = f"content-type = {content_type!r} of {file!r} renders it as something else"
        yield Finding(Rule.README_TYPE, place, message, f"write {by_name!r} or leave it out")
