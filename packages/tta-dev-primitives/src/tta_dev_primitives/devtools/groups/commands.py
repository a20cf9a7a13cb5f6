"""Find commands of uv and pip in any text, and what they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

NameKind: TypeAlias = Literal["group", "extra", "package"]

_COMMAND: Final = re.compile(r"(?<![\w./-])(?P<program>uv|pip)[ \t]+(?P<rest>[^`|;&\"'\n#()<>]*)")
_SPAN: Final = re.compile(r"`(?P<rest>--(?:only-|no-)?(?:group|extra)[ =][^`\n]*)`")
_SPLIT_TASK: Final = re.compile(r'"command"\s*:\s*"(uv|pip)"\s*,\s*"args"\s*:\s*\[([^\]]*)\]')
_PLACEHOLDER: Final = re.compile(r"[A-Z_]+|.*[<>{}$*\[].*|.*\.\.\..*|")
_JOINED: Final = re.compile(r"\\\n[ \t]*|\n[ \t]*(?=--[a-z])")

_KINDS: Final[dict[str, NameKind]] = {
    "--group": "group", "--only-group": "group", "--no-group": "group",
    "--upgrade-group": "group", "--extra": "extra", "--no-extra": "extra", "--package": "package",
}  # fmt: skip
# Options that take a value, which is then no word of its own.
_VALUED: Final = frozenset({
    *_KINDS, "--python", "-p", "--with", "--with-editable", "--with-requirements", "--format", "-o",
    "--output-file", "--depth", "--bump", "--env-file", "--python-platform", "--upgrade-package",
    "-P", "--output-format", "--index", "--default-index", "--optional", "--cache-dir", "--color",
    "--config-file", "--link-mode", "--out-dir", "--prune", "--no-install-package", "-r",
    "--resolution", "--refresh-package", "--reinstall-package", "-c", "--constraints", "-e",
})  # fmt: skip
# With these, the command is about another project than the one it stands in.
_ELSEWHERE: Final = frozenset({"--project", "--directory", "--no-project", "--script"})
_KNOWN: Final = frozenset({
    "add", "audit", "build", "export", "lock", "pip", "publish", "remove", "run", "sync", "tree",
    "version",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """A name that a command uses.

    Args:
        kind: What it should be the name of.
        name: As it stands there.
        line: Where, counted from 1.
        command: The subcommand of uv, `pip`, or empty where an option stands alone.
        packages: What the same command names with `--package`.
    """

    kind: NameKind
    name: str
    line: int
    command: str
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Uses:
    """What the commands of a text use.

    Args:
        names: In the order of the text.
        all_groups: Whether one of them installs every group.
    """

    names: tuple[Named, ...]
    all_groups: bool


def uses_in(text: str, *, is_json: bool = False) -> Uses:
    """Find the groups, extras and packages that commands in *text* name.

    Commands may be continued with a backslash, or by a line that begins with an option.
    Placeholders such as NAME or <name> are no names, nor is what a command is about to create.

    Args:
        text: A workflow, a script, a page, a list of tasks.
        is_json: Whether commands may be split into `command` and `args`, as tasks of editors are.
    """
    lines = _Lines(text)
    names: list[Named] = []
    all_groups = False
    for program, rest, line in _written(lines, is_json=is_json):
        command, options, is_elsewhere = _parsed(program, rest)
        if is_elsewhere or (command not in _KNOWN and program == "uv"):
            continue
        all_groups |= "--all-groups" in [option for option, _ in options]
        packages = tuple(value for option, value in options if option == "--package")
        for option, value in options:
            kind = _KINDS.get(option)
            if option in {"--dev", "--only-dev", "--no-dev"} and command != "add":
                kind, value = "group", "dev"
            creates = command == "add" and kind in {"group", "extra"}
            if kind is None or creates or _PLACEHOLDER.fullmatch(value):
                continue
            # pip can name the file that has the group: path/pyproject.toml:name
            name = value.rpartition(":")[2] if kind == "group" else value
            names.append(Named(kind, name, line, command, packages))
    return Uses(tuple(names), all_groups)


class _Lines:
    """A text with continued lines joined, which still knows the line of everything."""

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        # As long as before, so that an offset means the same in both.
        self.joined = _JOINED.sub(lambda found: " " * len(found[0]), self._text)

    def line_of(self, offset: int) -> int:
        return self._text.count("\n", 0, offset) + 1


def _written(lines: _Lines, *, is_json: bool) -> Iterator[tuple[str, str, int]]:
    for found in _COMMAND.finditer(lines.joined):
        yield found["program"], found["rest"], lines.line_of(found.start())
    for found in _SPAN.finditer(lines.joined):
        yield "", found["rest"], lines.line_of(found.start())
    if is_json:
        for found in _SPLIT_TASK.finditer(lines.joined):
            words = re.findall(r'"([^"]*)"', found[2])
            yield found[1], " ".join(words), lines.line_of(found.start())


def _parsed(program: str, rest: str) -> tuple[str, list[tuple[str, str]], bool]:
    """Split a command into its subcommand, its own options, and whether it acts elsewhere."""
    command = "" if program == "uv" else program
    options: list[tuple[str, str]] = []
    words = iter(word.rstrip(",.:") for word in rest.split())
    has_command = program != "uv"
    for word in words:
        if word.startswith("-"):
            option, equals, value = word.partition("=")
            if not equals and option in _VALUED | {"--project", "--directory"}:
                value = next(words, "")
            options.append((option, value))
        elif not has_command:
            command, has_command = word, True
        elif command == "run":
            break  # the rest belongs to the program that is run
    return command, options, any(option in _ELSEWHERE for option, _ in options)
