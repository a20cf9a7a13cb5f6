"""What all documents have in common: their data, kept whole, and checked where it is read."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from keploy_framework.errors import KeployFormatError
from keploy_framework.formats.timestamps import parse_time

if TYPE_CHECKING:
    from pathlib import Path

# Any: other tools write the files too; what is read is checked where it is used.
Section: TypeAlias = "dict[str, Any]"

VERSION: Final = "api.keploy.io/v1beta1"


@dataclass(slots=True)
class Record:
    """A document with the file it came from.

    The data are the record: an attribute reads and writes them, and whatever no attribute
    knows stays as it is. An attribute whose data have the wrong type raises
    `KeployFormatError` when it is read, with the file and the line of the document.

    Args:
        data: The document.
        file: Where it came from; ``None`` for one built in code.
        line: The line of the file it begins on.
    """

    data: Section
    file: Path | None = None
    line: int | None = None

    @property
    def version(self) -> str:
        """The version of the format, such as ``api.keploy.io/v1beta1``."""
        return self.text_at("version")

    @property
    def kind(self) -> str:
        """Such as ``Http``."""
        return self.text_at("kind")

    @property
    def name(self) -> str:
        """The name of the document; not always that of its file."""
        return self.text_at("name")

    @name.setter
    def name(self, name: str) -> None:
        self.data["name"] = name

    def section(self, path: str = "") -> Section:
        """Give the mapping at a dotted path; an empty one where there is none.

        Raises:
            KeployFormatError: Something else is there.
        """
        found = self.data
        for at, name in enumerate(path.split(".") if path else ()):
            inner = found.get(name)
            if not isinstance(inner, dict | None):
                raise self.wrong(inner, ".".join(path.split(".")[: at + 1]), "a mapping")
            found = cast("Section", inner or {})
        return found

    def text_at(self, path: str) -> str:
        """Give the text at a dotted path; an empty one where there is none."""
        value = self._at(path)
        if not isinstance(value, str | None):
            raise self.wrong(value, path, "text")
        return value or ""

    def number_at(self, path: str) -> int:
        """Give the whole number at a dotted path; 0 where there is none."""
        value = self._at(path)
        if isinstance(value, bool) or not isinstance(value, int | None):
            raise self.wrong(value, path, "a whole number")
        return value or 0

    def list_at(self, path: str) -> list[Any]:
        """Give the list at a dotted path; an empty one where there is none."""
        value = self._at(path)
        if not isinstance(value, list | None):
            raise self.wrong(value, path, "a list")
        return cast("list[Any]", value or [])

    def time_at(self, path: str) -> int | None:
        """Give the time at a dotted path in nanoseconds since 1970; ``None`` for no time."""
        try:
            return parse_time(self.text_at(path))
        except KeployFormatError as error:
            raise self.wrong(self._at(path), path, "a time") from error

    def wrong(self, value: object, path: str, wanted: str) -> KeployFormatError:
        """Make the error for a value of the wrong type."""
        reason = f"{path} must be {wanted}, got {reprlib.repr(value)}; correct it"
        return KeployFormatError(reason, file=self.file, line=self.line)

    def _at(self, path: str) -> object:
        outer, _, name = path.rpartition(".")
        return self.section(outer).get(name)
