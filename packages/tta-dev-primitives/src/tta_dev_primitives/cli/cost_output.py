"""Where a report of `tta cost` goes: standard output, or a file that is whole or as it was."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Final

from tta_dev_primitives import __version__
from tta_dev_primitives.devtools.lint.writing import write_atomically

from .exits import OutputError
from .lint_run import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from tta_dev_primitives.devtools.cost_report.report import CostReport

_WIDEST: Final = 100


def rendered(report: CostReport, chosen: str) -> str:
    """Return the report in a format: text, json, markdown or html."""
    match chosen:
        case "json":
            from tta_dev_primitives.devtools.cost_report.json_format import as_json

            return as_json(report, version=__version__)
        case "markdown":
            from tta_dev_primitives.devtools.cost_report.markdown_format import as_markdown

            return as_markdown(report)
        case "html":
            from tta_dev_primitives.devtools.cost_report.html_format import as_html

            return as_html(report)
        case _:
            from tta_dev_primitives.devtools.cost_report.text_format import text_lines

            width = min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)
            return "\n".join(text_lines(report, width=width)) + "\n"


def check_output(path: Path | None) -> None:
    """See that a report can go to *path*, before minutes are spent on it.

    Raises:
        OutputError: It is a folder, or in none.
    """
    if path is None:
        return
    if path.is_dir():
        msg = f"cannot write {path}: it is a folder; name a file in it"
        raise OutputError(msg)
    if not path.absolute().parent.is_dir():
        msg = f"cannot write {path}: there is no folder {path.parent}; make it first"
        raise OutputError(msg)


def write(text: str, path: Path | None, *, told: str) -> None:
    """Print *text*, or write it to *path* and print a line about it.

    Args:
        text: What to write.
        path: Where; None for standard output.
        told: What came of it, for that line.

    Raises:
        OutputError: The file cannot be written; one that was there is as it was.
    """
    if path is None:
        write_text(text, sys.stdout)
        return
    try:
        if path.exists() and not path.is_file():
            # A pipe or a device is written to; replacing it would take it away from others.
            path.write_bytes(text.encode())
        else:
            write_atomically(path, text.encode())
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror or error}"
        raise OutputError(msg) from error
    print(f"{told}; the report is in {path}")
