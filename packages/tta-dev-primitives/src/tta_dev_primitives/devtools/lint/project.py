"""The project around the files that are checked: its folder, and the settings it holds."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tta_dev_primitives.errors import ConfigurationError

from .settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Project:
    """The folder that patterns and the baseline are relative to, and what is asked for there.

    Args:
        root: The folder of the pyproject.toml with the settings; without settings that of the
            outermost pyproject.toml, else the current one.
        settings: What its table asks for.
        file: The pyproject.toml with the table, None where no table was found.
    """

    root: Path
    settings: Settings
    file: Path | None = None


def find_project(paths: Sequence[Path], config: Path | None = None) -> Project:
    """Find the settings for *paths*: those of the nearest table `[tool.tta.lint]` above them all.

    Args:
        paths: What is checked.
        config: A pyproject.toml to take instead; it must have the table.

    Raises:
        ConfigurationError: A pyproject.toml cannot be read, or its table has a mistake.
    """
    if config is not None:
        table = _table(config)
        if table is None:
            msg = f"{config} has no table [tool.tta.lint]; add it or leave --config out"
            raise ConfigurationError(msg)
        root = config.resolve().parent
        return Project(root, read_settings(table, str(config)), config)
    start = _common_folder(paths)
    outermost: Path | None = None
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if not file.is_file():
            continue
        outermost = folder
        table = _table(file)
        if table is not None:
            return Project(folder, read_settings(table, str(file)), file)
    return Project(outermost or start, Settings())


def _common_folder(paths: Sequence[Path]) -> Path:
    folders = [path if path.is_dir() else path.parent for path in map(Path.resolve, paths)]
    if not folders:
        return Path.cwd()
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # two drives
        return folders[0]


def _table(file: Path) -> object | None:
    """Return the table `[tool.tta.lint]`, None where there is none."""
    try:
        with file.open("rb") as opened:
            document = tomllib.load(opened)
    except OSError as error:
        msg = f"cannot read {file}: {error.strerror}"
        raise ConfigurationError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{file} is not TOML: {error}"
        raise ConfigurationError(msg) from error
    found: object = document
    for key in ("tool", "tta", "lint"):
        if not isinstance(found, dict) or key not in found:
            return None
        found = found[key]  # pyright: ignore[reportUnknownVariableType] - TOML
    return found  # pyright: ignore[reportUnknownVariableType] - TOML
