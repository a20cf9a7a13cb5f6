"""Every code block of every page does what its mark promises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from blocks import ROOT, Result, Status, run_page, table
from pages import find_pages

REQUIRED = os.environ.get("TTA_REQUIRE_SERVICES") == "1"


@pytest.mark.parametrize("page", find_pages(ROOT), ids=Path.as_posix)
def test_blocks_of_page_do_what_their_marks_say(
    page: Path, tmp_path: Path, results: list[Result]
) -> None:
    """No block is unmarked, fails, or prints something else than the page shows."""
    folder = tmp_path / "page"
    folder.mkdir()
    found = run_page(ROOT, page, folder)
    results.extend(found)
    bad = {Status.FAILED, Status.SKIPPED} if REQUIRED else {Status.FAILED}
    wrong = [result for result in found if result.status in bad]
    assert not wrong, "\n" + "\n".join(table(wrong))
