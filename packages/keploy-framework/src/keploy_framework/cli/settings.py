"""What a command is told: by its options, else the environment, else keploy.yml, else defaults."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keploy_framework.config import KeployConfig
from keploy_framework.config_file import ConfigFile
from keploy_framework.errors import KeployConfigError
from keploy_framework.formats.narrow import is_list, is_mapping

from .exits import UsageError
from .known_keys import unknown_keys

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

_NAMES: Final = ("keploy.yml", "keploy.yaml")
_DURATION: Final = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_TRUE: Final = frozenset(("1", "true", "yes", "on"))
_FALSE: Final = frozenset(("0", "false", "no", "off", ""))


class Settings:
    """Find the value of a setting.

    An option counts more than the variable ``KEPLOY_`` with its name in capitals, that more than
    the file, and that more than the default.

    Args:
        options: The command line.
        environment: The variables; ``None`` for those of the process.

    Raises:
        KeployConfigError: The file is no configuration.
        UsageError: The file was asked for and is not there.
    """

    def __init__(self, options: Namespace, environment: Mapping[str, str] | None = None) -> None:
        self._options = options
        self.environment = dict(os.environ if environment is None else environment)
        self.file = self._find()
        if self.file is None:
            self.config = KeployConfig()
            self._data: dict[str, object] = {}
        else:
            self.config = KeployConfig.load(self.file)
            self._data = dict(ConfigFile.read(self.file).data)
        self.warnings = [
            f"{self.file}: {key} is no key that is known; it is ignored"
            for key in unknown_keys(self._data)
        ]

    @property
    def tree_folder(self) -> Path:
        """The folder ``keploy``."""
        return Path(self.text("path", "", default=self.config.test.path)) / "keploy"

    def value(self, option: str, key: str = "") -> object:
        """Give what is told, as it was told; ``None`` for nothing.

        Args:
            option: The name of the option, with underscores.
            key: The place in the file, with dots; empty for none.
        """
        given = getattr(self._options, option, None)
        if given is not None:
            return given
        named = self.environment.get(f"KEPLOY_{option.upper()}")
        if named is not None:
            return named
        return self.in_file(key) if key else None

    def in_file(self, key: str) -> object:
        """Give what the file has at a place; ``None`` for nothing."""
        found: object = self._data
        for name in key.split("."):
            if not is_mapping(found):
                return None
            found = found.get(name)
        return found

    def text(self, option: str, key: str = "", *, default: str = "") -> str:
        """Give a text."""
        value = self.value(option, key)
        return default if value is None or value == "" else str(value)

    def number(self, option: str, key: str = "", *, default: int = 0) -> int:
        """Give a whole number.

        Raises:
            KeployConfigError: It is none.
        """
        value = self.value(option, key)
        if value is None or value == "":
            return default
        try:
            return int(str(value))
        except ValueError as error:
            raise _wrong(option, key, value, "a whole number") from error

    def port(self, option: str, key: str = "", *, default: int = 0) -> int:
        """Give a port; 0 for none.

        Raises:
            KeployConfigError: It is none.
        """
        number = self.number(option, key, default=default)
        if not 0 <= number <= 65_535:
            raise _wrong(option, key, number, "a port from 0 to 65535")
        return number

    def flag(self, option: str, key: str = "", *, default: bool = False) -> bool:
        """Tell whether something is on.

        Raises:
            KeployConfigError: It is neither on nor off.
        """
        value = self.value(option, key)
        if value is None:
            return default
        word = str(value).lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise _wrong(option, key, value, "true or false")

    def seconds(self, option: str, key: str = "", *, default: float = 0.0) -> float:
        """Give a time in seconds, told as ``30``, ``30s``, ``1m30s`` or ``500ms``.

        Raises:
            KeployConfigError: It is none.
        """
        value = self.value(option, key)
        if value is None or value == "":
            return default
        try:
            return parse_seconds(str(value))
        except ValueError as error:
            raise _wrong(option, key, value, "a time such as 30s or 1m30s") from error

    def names(self, option: str, key: str = "") -> tuple[str, ...]:
        """Give names, told with commas or as a list."""
        value = self.value(option, key)
        if value is None:
            return ()
        listed = value if is_list(value) else [value]
        parts = (part.strip() for one in listed for part in str(one).split(","))
        return tuple(part for part in parts if part)

    def _find(self) -> Path | None:
        given = getattr(self._options, "config_path", None)
        given = given or self.environment.get("KEPLOY_CONFIG_PATH")
        place = Path(given or ".")
        if place.is_file():
            return place
        for name in _NAMES:
            if (place / name).is_file():
                return place / name
        if given and not place.is_dir():
            problem = f"there is no folder {given!r} for keploy.yml; correct --configPath"
            raise UsageError(problem)
        return None


def parse_seconds(text: str) -> float:
    """Read a time in seconds.

    Raises:
        ValueError: It is none.
    """
    word = text.strip().lower()
    if word.endswith("ms"):
        seconds = float(word[:-2]) / 1000
    elif re.fullmatch(r"\d+(?:\.\d+)?", word):
        seconds = float(word)
    else:
        match = _DURATION.fullmatch(word)
        if not word or match is None:
            msg = f"{text!r} is no time"
            raise ValueError(msg)
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    return seconds


def _wrong(option: str, key: str, value: object, wanted: str) -> KeployConfigError:
    problem = f"must be {wanted}, got {value!r}; correct it"
    return KeployConfigError(problem, key=key or f"--{option.replace('_', '-')}", value=value)
