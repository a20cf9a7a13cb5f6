"""Whole reports, as they were looked at. Renew them with TTA_RENEW_GOLDEN=1 and look again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.cost_report.html_format import as_html
from tta_dev_primitives.devtools.cost_report.json_format import as_json
from tta_dev_primitives.devtools.cost_report.markdown_format import as_markdown
from tta_dev_primitives.devtools.cost_report.report import CostReport
from tta_dev_primitives.devtools.cost_report.text_format import text_lines

from .reports_here import REPORTS

GOLDEN = Path(__file__).parent / "golden"
FORMATS: dict[str, Callable[[CostReport], str]] = {
    "txt": lambda report: "".join(f"{line}\n" for line in text_lines(report, width=80)),
    "json": lambda report: as_json(report, version="1.2.3"),
    "md": as_markdown,
    "html": as_html,
}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", REPORTS)
def test_report_is_the_one_that_was_looked_at(name: str, suffix: str) -> None:
    """A change to one part of the page broke another, and nobody looked."""
    text = FORMATS[suffix](REPORTS[name])
    file = GOLDEN / f"{name}.{suffix}"
    if os.environ.get("TTA_RENEW_GOLDEN") == "1":
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    assert text == file.read_text(encoding="utf-8"), "renew it with TTA_RENEW_GOLDEN=1 and look"
