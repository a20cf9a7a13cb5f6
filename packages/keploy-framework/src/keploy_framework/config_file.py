"""The file behind a configuration: where it keeps which value, and how it is replaced."""

from __future__ import annotations

import reprlib
import secrets
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from keploy_framework.checks import checked_mapping
from keploy_framework.errors import KeployConfigError, KeployConfigNotFoundError
from keploy_framework.yaml_edit import changed_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    # Any: other tools write the file too, and what is read is checked where it is used.
    Data = dict[str, Any]

# What `KeployConfig` calls a value, and where upstream Keploy keeps it.
_UPSTREAM: Final = {
    "name": "appName",
    "test.path": "path",
    "app.command": "command",
    "app.port": "port",
    "app.host": "test.host",
    "test.globalNoise": "test.globalNoise",
}


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a configuration file says, and its text. Without arguments: a file yet to be written.

    Args:
        text: The text, each line ending with a newline character.
        data: What the text says.
        newline: How lines end on disk.
    """

    text: str = ""
    data: Data = field(default_factory=dict[str, Any])
    newline: str = "\n"

    @classmethod
    def read(cls, path: Path) -> ConfigFile:
        """Read a YAML file that holds one mapping, or nothing.

        Raises:
            KeployConfigNotFoundError: There is no such file.
            KeployConfigError: The file is not UTF-8, not YAML, or holds something else.
            OSError: The file system refuses.
        """
        try:
            raw = path.read_bytes()
        except FileNotFoundError as error:
            problem = "there is no such file; create it with KeployConfig.save"
            raise KeployConfigNotFoundError(problem, file=path) from error
        try:
            text = raw.decode("utf-8-sig")
            data = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            line, reason = None, str(error).partition("\n")[0]
            if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
                line, reason = error.problem_mark.line + 1, error.problem
            problem = f"not valid YAML in UTF-8 ({reason}); correct it"
            raise KeployConfigError(problem, file=path, line=line) from error
        if not isinstance(data, dict | None):
            problem = f"holds {reprlib.repr(data)}, not a mapping; write 'key: value' lines"
            raise KeployConfigError(problem, file=path, value=data)
        newline = "\r\n" if "\r\n" in text else "\n"
        return cls(text.replace("\r\n", "\n"), cast("Data", data or {}), newline)

    def place_of(self, key: str) -> str:
        """Give the key under which this file keeps, or would keep, the value called *key*."""
        if "app" in self.data or "name" in self.data:
            return key
        return _UPSTREAM.get(key, key)

    def values(self) -> Data:
        """Give the arguments for `KeployConfig`; what is absent or empty is left out.

        Raises:
            KeployConfigError: ``app`` or ``test`` is no mapping.
        """
        values: Data = {}
        for key in _UPSTREAM:
            value = _get(self.data, self.place_of(key))
            if value not in (None, ""):
                values = _with(values, key, value)
        return values

    def write_changed(self, path: Path, changes: Mapping[str, object]) -> None:
        """Replace the file at *path* by this one with other values, in one step.

        A symbolic link stays one, and an existing file keeps its permissions.

        Raises:
            OSError: The file system refuses; what was at *path* is untouched.
        """
        data = self.data
        for key, value in changes.items():
            data = _with(data, self.place_of(key), value)
        text = changed_text(self.text, self.data, data).replace("\n", self.newline)
        target = path.resolve()
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
        try:
            temporary.write_bytes(text.encode())
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def _get(data: Data, place: str) -> object:
    section, _, name = place.rpartition(".")
    return (checked_mapping(data.get(section), section) if section else data).get(name)


def _with(data: Data, place: str, value: object) -> Data:
    section, _, name = place.rpartition(".")
    if not section:
        return {**data, name: value}
    return {**data, section: {**(data.get(section) or {}), name: value}}
