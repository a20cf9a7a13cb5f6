"""What a wheel must hold before it is published: marked as typed, and with its licence."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .refusal import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def outermost_packages(paths: Collection[str]) -> list[str]:
    """List the packages in a wheel that lie in no other package, `a` or `namespace/a`."""
    packages = {str(PurePosixPath(path).parent) for path in paths if path.endswith("__init__.py")}
    return sorted(
        package
        for package in packages
        if not any(str(outer) in packages for outer in PurePosixPath(package).parents)
    )


def untyped_packages(files: Mapping[str, str]) -> list[Fault]:
    """List the packages whose types nobody would read, for want of a `py.typed`.

    Args:
        files: Where each file of the wheel comes from, by its path in the wheel.
    """
    faults: list[Fault] = []
    for package in outermost_packages(files):
        if f"{package}/py.typed" not in files:
            place = f"{Path(files[f'{package}/__init__.py']).parent.name}/py.typed"
            wrong = f"the types of {package} are not published"
            fix = "add an empty file py.typed beside its __init__.py"
            faults.append(Fault("untyped-package", place, wrong, fix))
    return faults


def missing_licence(root: Path, licence_files: Collection[str]) -> list[Fault]:
    """Tell whether no file of the wheel says what its users may do."""
    if any((root / name).stat().st_size for name in licence_files):
        return []
    wrong = "no licence file goes into the wheel" if not licence_files else "the licence is empty"
    fix = "put the text into a file LICENSE beside pyproject.toml and set license-files"
    return [Fault("no-licence", "pyproject.toml", wrong, fix)]
