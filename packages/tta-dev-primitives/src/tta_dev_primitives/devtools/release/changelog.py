"""A change log in the format of Keep a Changelog, cut into its sections."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import ConfigurationError

from .versions import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from packaging.version import Version

UNRELEASED: Final = "unreleased"

_NAMES: Final = ("CHANGELOG.md", "CHANGES.md", "HISTORY.md")
_HEADING: Final = re.compile(
    r"##[ \t]+(?:\[(?P<linked>[^]]+)](?P<target>\([^)]*\))?|(?P<plain>[^\s\[]+))(?P<rest>.*)"
)
_LINK: Final = re.compile(r" {0,3}\[(?P<name>[^]]+)]:[ \t]*<?(?P<target>[^\s>]+)")
_FENCE: Final = re.compile(r" {0,3}(?P<marks>`{3,}|~{3,})")
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


class ChangelogError(ConfigurationError):
    """Raised when a change log cannot be read, or does not have what is asked of it.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Section:
    """What a change log says of one version, or of none yet.

    Args:
        name: The version as it is written, or "Unreleased".
        line: The line of its heading, counted from 1.
        rest: What its heading says after the name, such as the date.
        is_linked: Whether the name stands in brackets and gets its link from elsewhere.
        body: What is below the heading, without definitions of links.
    """

    name: str
    line: int
    rest: str
    is_linked: bool
    body: str

    @property
    def is_unreleased(self) -> bool:
        """Return whether it collects what is not released yet."""
        return self.name.lower() == UNRELEASED

    @property
    def version(self) -> Version | None:
        """Return its version, None where the name is none."""
        return None if self.is_unreleased else version_of(self.name)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing but headings and comments is below it."""
        lines = _COMMENT.sub("", self.body).splitlines()
        return all(not line.strip() or line.lstrip().startswith("#") for line in lines)


@dataclass(frozen=True, slots=True)
class Changelog:
    """A change log.

    Args:
        path: The file.
        label: What it is called in messages.
        sections: As they stand, the newest first by custom.
        links: The target and the line of every definition of a link, by its name in lower case.
    """

    path: Path
    label: str
    sections: tuple[Section, ...]
    links: Mapping[str, tuple[str, int]]

    def section(self, version: Version) -> Section | None:
        """Return the section of *version*, however it is spelled."""
        return next((each for each in self.sections if each.version == version), None)

    @property
    def unreleased(self) -> Section | None:
        """Return the section of what is not released yet."""
        return next((each for each in self.sections if each.is_unreleased), None)

    def notes(self, section: Section) -> str:
        """Return the body of a section, with the links it needs, fit to stand alone."""
        body = section.body.strip()
        wanted = {found.lower() for found in re.findall(r"\[([^]]+)]", body)}
        used = [f"[{name}]: {target}" for name, (target, _) in self.links.items() if name in wanted]
        return "\n\n".join([body, *(["\n".join(used)] if used else [])]) + "\n"


def find_changelog(*folders: Path) -> Path | None:
    """Return the change log of the first of *folders* that has one."""
    for folder in folders:
        for name in _NAMES:
            if (folder / name).is_file():
                return folder / name
    return None


def read_changelog(path: Path, label: str) -> Changelog:
    """Read a change log; what stands in fenced blocks is no heading.

    Raises:
        ChangelogError: It cannot be read or is not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        told, move = "it is not UTF-8", "save it as UTF-8 text"
        if isinstance(error, OSError):
            told, move = error.strerror or str(error), "let it be read, then try again"
        msg = f"cannot read {label}: {told}; {move}"
        raise ChangelogError(path, msg) from error
    links: dict[str, tuple[str, int]] = {}
    sections: list[Section] = []
    body: list[str] = []
    heading: re.Match[str] | None = None
    started = 0

    def close() -> None:
        if heading is not None:
            name = heading["linked"] or heading["plain"]
            linked = heading["linked"] is not None and heading["target"] is None
            rest = heading["rest"].strip()
            sections.append(Section(name.strip(), started, rest, linked, "\n".join(body)))

    for number, line, is_code in _lines(text):
        found = None if is_code else _HEADING.fullmatch(line.rstrip())
        link = None if is_code else _LINK.match(line)
        if found:
            close()
            heading, started, body = found, number, []
        elif link:
            links.setdefault(link["name"].lower(), (link["target"], number))
        else:
            body.append(line)
    close()
    return Changelog(path, label, tuple(sections), links)


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield each line with its number, and whether a fenced block holds it."""
    fence = ""
    for number, line in enumerate(text.splitlines(), start=1):
        found = _FENCE.match(line)
        if not fence and found:
            fence = found["marks"]
            yield number, line, True
        elif fence:
            yield number, line, True
            if found and found["marks"].startswith(fence) and not line.strip(" `~"):
                fence = ""
        else:
            yield number, line, False
