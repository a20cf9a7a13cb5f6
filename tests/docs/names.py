"""Find the names that workflows, tasks and pages use, and tell which of them do not exist.

Names are uv groups, extras and packages, the commands behind ``uv run``, and paths. They come
from the ``run`` steps of workflows, the commands of tasks, and the shell blocks, code spans and
links of pages.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from mentions import Mention, find_mentions, table

_FOLDERS = ("packages/", "scripts/", "tests/", "docs/", ".github/", ".vscode/", ".ci/")
_TOP_FILES = re.compile(
    r"docker-compose[\w.-]*\.yml|mkdocs\.yml|pyproject\.toml|uv\.lock|(README|CONTRIBUTING|SECURITY)\.md"
)
_MEMBER_EXTRAS = re.compile(r"([a-z][a-z0-9-]+)\[([a-z0-9_, -]+)\]")
_VALUED = frozenset({
    "--group", "--only-group", "--no-group", "--extra", "--no-extra", "--package", "--python", "-p",
    "--with", "--project", "--directory", "--format", "-o", "--depth", "--bump", "--env-file",
    "--python-platform", "--upgrade-package", "--output-format", "--index",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """What exists in a workspace."""

    groups: frozenset[str]
    extras: dict[str, frozenset[str]]
    scripts: frozenset[str]
    locked: frozenset[str]


def read_names(root: Path) -> Names:
    """Read the groups, extras, scripts and locked packages of the workspace at *root*."""
    groups: set[str] = set()
    extras: dict[str, frozenset[str]] = {}
    scripts: set[str] = {point.name for point in entry_points(group="console_scripts")}
    for path in [root / "pyproject.toml", *root.glob("packages/*/pyproject.toml")]:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        groups.update(table(tables.get("dependency-groups")))
        project = table(tables.get("project"))
        if isinstance(name := project.get("name"), str):
            extras[name] = frozenset(table(project.get("optional-dependencies")))
            # Scripts of members count as the pyproject says, not as last installed.
            scripts.update(table(project.get("scripts")))
    lock = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))
    locked = frozenset(str(package["name"]) for package in lock.get("package", []))
    return Names(frozenset(groups), extras, frozenset(scripts), locked)


def find_problems(root: Path) -> list[str]:
    """List every name that does not exist, each with its place and the text it stands in."""
    names = read_names(root)
    found: list[str] = []
    for mention in find_mentions(root):
        found += [f"{mention.place}: {problem}" for problem in _judge(mention, names, root)]
    return found


def _judge(mention: Mention, names: Names, root: Path) -> Iterator[str]:
    if mention.kind == "unreadable":
        yield mention.text
        return
    if mention.kind == "link":
        target = mention.text.partition("#")[0]
        outside = re.match(r"[a-z]+:", target) is not None
        if target and not outside and not (mention.folder / target).exists():
            yield f"the link {mention.text!r} leads nowhere"
        return
    for member, listed in _MEMBER_EXTRAS.findall(mention.text):
        for extra in re.split(r"[, ]+", listed.strip()):
            if member in names.extras and extra not in names.extras[member]:
                yield f"{member} has no extra {extra!r}"
    if mention.kind == "span":
        yield from _judge_path(mention.text, (root, mention.folder))
    if mention.kind in {"command", "run"}:
        for words in _commands(mention.text):
            yield from _judge_command(words, mention, names, root)


def _judge_command(words: list[str], mention: Mention, names: Names, root: Path) -> Iterator[str]:
    shown = " ".join(words)
    if mention.kind == "command":
        for word in words:
            for problem in _judge_path(word, (root, mention.folder)):
                yield f"{problem}, in {shown!r}"
    if words[0] != "uv":
        return
    options, rest = _split_options(words[1:])
    members = [value for option, value in options if option == "--package"]
    known = names.locked if rest[:1] in (["tree"], ["export"]) else frozenset(names.extras)
    scope = [names.extras[name] for name in members if name in names.extras]
    extras = frozenset[str]().union(*(scope or names.extras.values()))
    for option, value in options:
        if option.endswith("group") and value not in names.groups:
            yield f"there is no group {value!r}, in {shown!r}"
        if option.endswith("extra") and value not in extras:
            yield f"there is no extra {value!r}, in {shown!r}"
        if option == "--package" and value not in known:
            yield f"there is no package {value!r}, in {shown!r}"
        if option == "--upgrade-package" and value not in names.locked:
            yield f"no package {value!r} is locked, in {shown!r}"
    if rest[:1] == ["run"] and len(rest) > 1:
        yield from _judge_program(rest[1:], mention, names, root)


def _judge_program(rest: list[str], mention: Mention, names: Names, root: Path) -> Iterator[str]:
    program = rest[0]
    script = rest[1] if program == "python" and len(rest) > 1 else program
    if script.endswith(".py"):
        if script not in mention.page_files and not (root / script).is_file():
            yield f"there is no script {script!r}, in 'uv run {' '.join(rest)}'"
    elif program != "python" and program not in names.scripts | names.locked:
        yield f"there is no command {program!r}, in 'uv run {' '.join(rest)}'"


def _judge_path(word: str, bases: tuple[Path, ...]) -> Iterator[str]:
    path = re.split(r"::|:\d+$", word)[0].rstrip("/.,").removeprefix("./")
    looks_like_one = path.startswith(_FOLDERS) or _TOP_FILES.fullmatch(path)
    placeholder = re.search(r"[<>{}$ ]|\.\.\.", path)
    if looks_like_one and not placeholder and not any(any(base.glob(path)) for base in bases):
        yield f"there is no path {word!r}"


def _split_options(words: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Split uv's own options from the rest; what follows the program of ``uv run`` is its own."""
    options: list[tuple[str, str]] = []
    rest: list[str] = []
    waiting = ""
    for word in words:
        own = len(rest) < 2 or rest[0] != "run"
        if waiting:
            options.append((waiting, word))
            waiting = ""
        elif own and word.startswith("--") and "=" in word:
            option, _, value = word.partition("=")
            options.append((option, value))
        elif own and word in _VALUED:
            waiting = word
        elif not own or not word.startswith("-"):
            rest.append(word)
    return options, rest


def _commands(text: str) -> Iterator[list[str]]:
    """Split shell text at line ends, ``&&``, ``;`` and pipes, dropping ``NAME=value`` prefixes."""
    for line in re.split(r"&&|\|\||[;|\n]", text.replace("\\\n", " ")):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            words = line.split()
        while words and re.match(r"[A-Z_][A-Z0-9_]*=", words[0]):
            words = words[1:]
        if words:
            yield words
