"""Read the fenced blocks of the repository's Markdown pages, with the mark above each.

A mark is an HTML comment on the line before the fence:

- ``<!-- run -->``: runs in the page's own temporary folder and must exit 0.
- ``<!-- run: continue -->``: the same, after the page's earlier Python blocks in one process.
- ``<!-- run: redis -->``: the same with `REDIS_URL` set to an empty server of its own; a block that
  continues one gets a server too.
- ``<!-- run: copy -->``: runs in a copy of the repository, for commands that change files.
- ``<!-- output -->``: what the block run just before prints; a line ``...`` matches any lines.
- ``<!-- file: name -->``: is saved under that name in the page's folder.
- ``<!-- syntax: reason -->``: is only parsed, and says why it is not run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

PYTHON = frozenset({"python", "py"})
SHELL = frozenset({"sh", "bash", "shell"})

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<ticks>`{3,}|~{3,})[ \t]*(?P<info>[^`]*)$")
_COMMENT = re.compile(r"^\s*<!--\s*(?P<text>.*?)\s*-->\s*$")
_TITLE = re.compile(r'\btitle="(?P<name>[\w./-]+\.\w+)"')


class Mark(StrEnum):
    """What the page promises about a block."""

    RUN = "run"
    CONTINUE = "run: continue"
    COPY = "run: copy"
    REDIS = "run: redis"
    OUTPUT = "output"
    FILE = "file"
    SYNTAX = "syntax"


RUNS = frozenset({Mark.RUN, Mark.CONTINUE, Mark.COPY, Mark.REDIS})


class PageError(Exception):
    """A page that breaks the rules for marks, told with its line."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. ``line`` is the fence's own line, counted from 1."""

    page: Path
    line: int
    language: str
    mark: Mark
    source: str
    reason: str = ""
    file_name: str = ""

    @property
    def place(self) -> str:
        """Where a reader finds it: ``docs/index.md:12``."""
        return f"{self.page.as_posix()}:{self.line}"


def find_pages(root: Path) -> list[Path]:
    """List the Markdown pages a reader of the repository sees, relative to *root*."""
    found: set[Path] = set()
    for pattern in ("*.md", "docs/**/*.md", "packages/*/*.md"):
        found.update(root.glob(pattern))
    return sorted(page.relative_to(root) for page in found)


def read_blocks(page: Path, text: str) -> list[Block]:
    """Split a page into its blocks.

    Raises:
        PageError: a fence has no mark, its mark is not known or lacks its reason or name, a
            block is never closed, or an output has nothing above it that runs.
    """
    blocks: list[Block] = []
    lines = text.splitlines()
    comment = ""
    index = 0
    while index < len(lines):
        opening = _FENCE.match(lines[index])
        if opening is None:
            if lines[index].strip():
                found = _COMMENT.match(lines[index])
                comment = found["text"] if found else ""
            index += 1
            continue
        place = f"{page.as_posix()}:{index + 1}"
        end = _closing_line(lines, index, opening, place)
        source = _dedent(lines[index + 1 : end], opening["indent"])
        block = _make_block(page, index + 1, opening["info"], comment, source)
        if block.mark is Mark.OUTPUT and not any(_prints(earlier) for earlier in blocks):
            msg = f"{place}: an output block needs a run block above it on the page"
            raise PageError(msg)
        blocks.append(block)
        comment = ""
        index = end + 1
    return blocks


def _prints(block: Block) -> bool:
    return block.mark in RUNS


def _closing_line(lines: list[str], start: int, opening: re.Match[str], place: str) -> int:
    ticks = opening["ticks"]
    closing = re.compile(rf"^[ \t]*{re.escape(ticks[0])}{{{len(ticks)},}}[ \t]*$")
    for number in range(start + 1, len(lines)):
        if closing.match(lines[number]):
            return number
    msg = f"{place}: the block is never closed; add a line of {ticks}"
    raise PageError(msg)


def _dedent(lines: list[str], indent: str) -> str:
    return "".join(line.removeprefix(indent) + "\n" for line in lines)


def _make_block(page: Path, line: int, info: str, comment: str, source: str) -> Block:
    place = f"{page.as_posix()}:{line}"
    words = info.split()
    language = words[0].strip("{}.").lower() if words else "text"
    kind, _, detail = (part.strip() for part in comment.partition(":"))
    spelled = f"{kind}: {detail}" if kind == "run" and detail else kind
    if spelled not in set(Mark):
        said = f"the mark {comment!r} is not known" if comment else "the block has no mark"
        msg = f"{place}: {said}; put one of {', '.join(Mark)} in a comment on the line before"
        raise PageError(msg)
    mark = Mark(spelled)
    if mark in {Mark.FILE, Mark.SYNTAX} and not detail:
        wanted = "a file name" if mark is Mark.FILE else "the reason why it is not run"
        msg = f"{place}: the mark {mark.value!r} needs {wanted} after a colon"
        raise PageError(msg)
    if mark in RUNS:
        runnable = {Mark.CONTINUE: PYTHON, Mark.COPY: SHELL}.get(mark, PYTHON | SHELL)
        if language not in runnable:
            msg = f"{place}: a {language!r} block cannot be marked {mark.value!r}; use syntax"
            raise PageError(msg)
    title = _TITLE.search(info)
    named = detail if mark is Mark.FILE else (title["name"] if title else "")
    path = PurePosixPath(named)
    if path.is_absolute() or ".." in path.parts:
        msg = f"{place}: the file name {named!r} leaves the page's folder; use a relative one"
        raise PageError(msg)
    reason = detail if mark is Mark.SYNTAX else ""
    return Block(page, line, language, mark, source, reason, named)
