"""Run the code blocks of the repository's Markdown pages and hold each to its mark.

Usage: ``uv run python tests/docs/blocks.py [--json] [PAGE ...]``. Without pages: all of them.
Exit codes: 0 clean, 1 a block failed, 2 misuse. The marks are described in pages.py.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from execute import (
    BlockError,
    BlockSkippedError,
    Place,
    check_syntax,
    run_python,
    run_shell,
)
from pages import PYTHON, Block, Mark, PageError, find_pages, read_blocks
from servers import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).resolve().parents[2]


class Status(StrEnum):
    """How a block ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one block, or of a page that could not be read."""

    place: str
    language: str
    mark: str
    status: Status
    seconds: float
    message: str = ""


def run_page(root: Path, page: Path, folder: Path) -> list[Result]:
    """Run every block of *page* in order. The blocks share *folder*, which must be empty."""
    try:
        blocks = read_blocks(page, (root / page).read_text(encoding="utf-8"))
    except PageError as error:
        place, _, message = str(error).partition(": ")
        return [Result(place, "", "", Status.FAILED, 0.0, message)]
    return PageRun(Place(root, folder), blocks).run()


class PageRun:
    """One pass over a page's blocks: what has run so far, and what it printed last."""

    def __init__(self, place: Place, blocks: Sequence[Block]) -> None:
        self._place = place
        self._blocks = blocks
        self._uses_copy = any(block.mark is Mark.COPY for block in blocks)
        self._earlier: list[Block] = []
        self._printed: str | None = None
        self._skipped = ""

    def run(self) -> list[Result]:
        """Give one result per block. A failed block does not stop the ones after it."""
        return [self._result(block) for block in self._blocks]

    def _result(self, block: Block) -> Result:
        started = time.monotonic()
        status, message = Status.PASSED, block.reason
        try:
            self._hold(block)
        except BlockError as error:
            status, message = Status.FAILED, str(error)
        except BlockSkippedError as error:
            status, message = Status.SKIPPED, str(error)
        seconds = time.monotonic() - started
        return Result(block.place, block.language, block.mark.value, status, seconds, message)

    def _hold(self, block: Block) -> None:
        if block.file_name:
            self._save(block)
        if block.mark in {Mark.SYNTAX, Mark.FILE}:
            check_syntax(block)
        elif block.mark is Mark.OUTPUT:
            self._compare(block)
        else:
            self._printed, self._skipped = None, ""
            try:
                self._printed = self._run(block)
            except BlockSkippedError as skipped:
                self._skipped = str(skipped)
                raise

    def _run(self, block: Block) -> str:
        earlier: list[Block] = []
        if block.language in PYTHON:
            earlier = list(self._earlier) if block.mark is Mark.CONTINUE else []
            self._earlier.append(block)
        if all(each.mark is not Mark.REDIS for each in [*earlier, block]):
            return self._run_with(block, earlier, {})
        with redis_server(self._place.folder) as url:
            return self._run_with(block, earlier, {"REDIS_URL": url})

    def _run_with(self, block: Block, earlier: list[Block], services: dict[str, str]) -> str:
        if block.language in PYTHON:
            return run_python(block, earlier, self._place, services)
        in_copy = block.mark is Mark.COPY
        return run_shell(block, self._place, services, in_copy=in_copy)

    def _save(self, block: Block) -> None:
        folders = [self._place.folder]
        if self._uses_copy:
            folders.append(self._place.tree)
        for folder in folders:
            target = folder / block.file_name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.source, encoding="utf-8")

    def _compare(self, block: Block) -> None:
        if self._skipped:
            raise BlockSkippedError(self._skipped)
        if self._printed is None:
            msg = "the block above did not run to its end, so its output is not known"
            raise BlockError(msg)
        if not same_output(block.source, self._printed):
            msg = f"the block above printed:\n{self._printed.rstrip()}"
            raise BlockError(msg)


def same_output(expected: str, printed: str) -> bool:
    """Tell whether *printed* is *expected*; a line ``...`` there stands for any lines."""
    parts = [
        r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in _folded(expected)
    ]
    return (
        re.fullmatch("".join(parts), "".join(line + "\n" for line in _folded(printed))) is not None
    )


def _folded(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def table(results: Iterable[Result]) -> list[str]:
    """Lay the results out, one line each, failures with what was said below them."""
    rows = list(results)
    width = max((len(row.place) for row in rows), default=0)
    lines: list[str] = []
    for row in rows:
        first, *rest = row.message.splitlines() or [""]
        left = f"{row.status:<7}  {row.place:<{width}}  {row.language or '-':<8}"
        lines.append(f"{left}  {row.mark or '-':<13}  {row.seconds:6.2f} s  {first}".rstrip())
        lines.extend(f"         {line}" for line in rest)
    return lines


def summary(results: Sequence[Result]) -> str:
    """Count the blocks in one line."""
    pages = len({row.place.rpartition(":")[0] for row in results})
    marks = Counter(row.mark or "unread" for row in results)
    told = ", ".join(f"{number} {mark}" for mark, number in sorted(marks.items()))
    failed = sum(row.status is Status.FAILED for row in results)
    skipped = sum(row.status is Status.SKIPPED for row in results)
    seconds = sum(row.seconds for row in results)
    counted = f"{len(results)} blocks on {pages} pages ({told})"
    return f"{counted}: {failed} failed, {skipped} skipped, {seconds:.1f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the pages named on the command line, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pages", nargs="*", type=Path, help="Markdown files; default: all")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(arguments)
    asked: list[Path] = options.pages
    pages = [page.resolve() for page in asked] or [ROOT / page for page in find_pages(ROOT)]
    for page in pages:
        if not page.is_file() or not page.is_relative_to(ROOT):
            parser.error(f"{page} is not a page of this repository")
    results: list[Result] = []
    for page in pages:
        with tempfile.TemporaryDirectory(prefix="docs-") as folder:
            page_folder = Path(folder) / "page"
            page_folder.mkdir()
            results += run_page(ROOT, page.relative_to(ROOT), page_folder)
    if options.json:
        rows = [{name: getattr(row, name) for name in Result.__slots__} for row in results]
        print(json.dumps(rows, indent=2))
    else:
        print("\n".join([*table(results), summary(results)]))
    return int(any(row.status is Status.FAILED for row in results))


if __name__ == "__main__":
    sys.exit(main())
