"""Find every command, code span and link in the workflows, the tasks and the pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import yaml
from pages import SHELL, Mark, PageError, find_pages, read_blocks

_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_UV = re.compile(r"([A-Z_][A-Z0-9_]*=\S* +)*uv ")


@dataclass(frozen=True, slots=True)
class Mention:
    """One piece of text that may use names, where it stands, and what paths in it start from.

    The kind is "command", "run" (a block that proves its paths by running), "span", "link",
    "extras" (looked at for extras only), or "unreadable" (a page whose marks are wrong).
    """

    place: str
    text: str
    kind: str
    folder: Path
    page_files: frozenset[str] = frozenset()


def find_mentions(root: Path) -> Iterator[Mention]:
    """Walk every workflow, the tasks, and every page."""
    for path in sorted(root.glob(".github/workflows/*.y*ml")):
        steps = _values(yaml.safe_load(path.read_text(encoding="utf-8")), "run")
        for command in steps:
            yield Mention(path.relative_to(root).as_posix(), command, "command", root)
    tasks = root / ".vscode/tasks.json"
    if tasks.is_file():
        for command in _task_commands(json.loads(tasks.read_text(encoding="utf-8"))):
            yield Mention(".vscode/tasks.json", command, "command", root)
    for page in find_pages(root):
        yield from _page_mentions(root, page)


def _page_mentions(root: Path, page: Path) -> Iterator[Mention]:
    text = (root / page).read_text(encoding="utf-8")
    try:
        blocks = read_blocks(page, text)
    except PageError as error:
        yield Mention(page.as_posix(), str(error), "unreadable", root)
        return
    folder = (root / page).parent
    files = frozenset(block.file_name for block in blocks if block.file_name)
    for block in blocks:
        if block.language in SHELL:
            kind = "command" if block.mark is Mark.SYNTAX else "run"
            yield Mention(block.place, block.source, kind, folder, files)
        yield Mention(block.place, block.source, "extras", folder)
    prose = text.splitlines()
    for block in blocks:
        last = block.line + block.source.count("\n") + 1
        prose[block.line - 1 : last] = [""] * (last - block.line + 1)
    for number, line in enumerate(prose, start=1):
        place = f"{page.as_posix()}:{number}"
        for span in _SPAN.findall(line):
            kind = "command" if _UV.match(span) else "span"
            yield Mention(place, span, kind, folder, files)
        for link in _LINK.findall(line):
            yield Mention(place, link, "link", folder)


def _task_commands(tasks: object) -> Iterator[str]:
    options: dict[str, list[str]] = {}
    for entry in _list(table(tasks).get("inputs")):
        picked = [str(option) for option in _list(table(entry).get("options"))]
        options[str(table(entry).get("id"))] = picked
    for task in _list(table(tasks).get("tasks")):
        command = str(table(task).get("command"))
        asked = re.search(r"\$\{input:(\w+)\}", command)
        for option in options.get(asked[1], []) if asked else [""]:
            yield command.replace(asked[0], option) if asked else command


def _values(node: object, wanted: str) -> Iterator[str]:
    for key, value in table(node).items():
        if key == wanted and isinstance(value, str):
            yield value
        else:
            yield from _values(value, wanted)
    for item in _list(node):
        yield from _values(item, wanted)


def table(node: object) -> dict[str, object]:
    """Give the table, or an empty one where there is something else."""
    return node if _is_table(node) else {}


def _list(node: object) -> list[object]:
    return node if _is_list(node) else []


def _is_table(node: object) -> TypeGuard[dict[str, object]]:
    return isinstance(node, dict)


def _is_list(node: object) -> TypeGuard[list[object]]:
    return isinstance(node, list)
