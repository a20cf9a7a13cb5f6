"""Where a report of `tta cost` goes: standard output, or a file that is whole or as it was."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tta_dev_primitives import __version__
from tta_dev_primitives.devtools.lint.writing import write_atomically

from .exits import OutputError
from .lint_run import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from tta_dev_primitives.devtools.cost_report.report import CostReport


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

            return "\n".join(text_lines(report)) + "\n"


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
        write_atomically(path, text.encode())
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror or error}"
        raise OutputError(msg) from error
    print(f"{told}; the report is in {path}")
