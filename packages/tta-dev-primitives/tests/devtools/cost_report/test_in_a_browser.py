"""The page as a browser lays it out: nothing sticks out, no label covers another."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html import escape, unescape
from typing import Any

import pytest

from tta_dev_primitives.devtools.cost_report.html_format import as_html
from tta_dev_primitives.devtools.cost_report.report import CostReport
from tta_dev_primitives.devtools.replay.measurement import ArmFigures, Interval, LeverSaving

from .reports_here import REPORTS, passing

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
PROBE = """
const width = innerWidth, found = [];
if (document.documentElement.scrollWidth > width) found.push("the page scrolls sideways");
for (const chart of document.querySelectorAll("svg.chart")) {
  const texts = [...chart.querySelectorAll("text")];
  const boxes = texts.map((one) => one.getBoundingClientRect());
  boxes.forEach((box, at) => {
    const text = texts[at].textContent;
    if (box.left < 0 || box.right > width) found.push(text + " sticks out");
    boxes.slice(at + 1).forEach((other, more) => {
      const apart = box.right <= other.left || other.right <= box.left
        || box.bottom <= other.top || other.bottom <= box.top;
      if (!apart) found.push(text + " covers " + texts[at + 1 + more].textContent);
    });
  });
}
parent.document.body.dataset[name] = JSON.stringify({ width, found });
"""
LONG = "always a-vendor/some-extraordinarily-long-model-name-2026-10-30"
WIDE = replace(
    passing().measurement,
    source="/data/" + "x" * 200,
    arms=(
        ArmFigures("as is", 10_000_000, 0, 1_234_567.89),
        ArmFigures("cache", 9_000_000, 1_000_000, 1e-7, Interval(-12.34, -15.6, -9.9)),
    ),
    comparisons=(ArmFigures(LONG, 9_000_000, 1_000_000, 23_456_789.0),),
    levers=(LeverSaving(LONG, Interval(-12.34, -15.6, -9.9)),),
)
PAGES = {**REPORTS, "wide": CostReport(WIDE, passing().adoption)}


SHOWN = {f"{name}-{width}": (name, width) for name in PAGES for width in (360, 1200)}


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the probe found on each page, in a frame as wide as a phone or a screen."""
    if not CHROMIUM:
        missing = "there is no Chromium. Try: apt-get install chromium"
        (pytest.fail if os.environ.get("TTA_REQUIRE_SERVICES") == "1" else pytest.skip)(missing)
    frames = "".join(
        f'<iframe width="{width}" height="900" srcdoc="{escape(probed(name, at))}"></iframe>'
        for at, (name, width) in enumerate(SHOWN.values())
    )
    folder = tmp_path_factory.mktemp("pages")
    page = f"<!doctype html><style>iframe {{ border: 0 }}</style><body>{frames}</body>"
    (folder / "pages.html").write_text(page, encoding="utf-8")
    shown = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}",
            "--dump-dom", (folder / "pages.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout  # fmt: skip
    seen = re.findall(r'data-page(\d+)="([^"]*)"', shown)
    keys = list(SHOWN)
    return {keys[int(at)]: json.loads(unescape(text)) for at, text in seen}


def probed(name: str, at: int) -> str:
    """The page with the probe in it, which its policy is made to allow."""
    script = f'{{ const name = "page{at}"; {PROBE} }}'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = as_html(PAGES[name])
    text = text.replace("style-src ", f"script-src 'sha256-{digest}'; style-src ", 1)
    return text.replace("</body>", f"<script>{script}</script></body>")


@pytest.mark.service("chromium")
@pytest.mark.parametrize("shown", SHOWN)
def test_nothing_sticks_out_and_no_label_covers_another(
    shown: str, laid_out: dict[str, Any]
) -> None:
    """On a phone the page scrolled sideways, and the figures stood on the names."""
    assert laid_out[shown] == {"width": SHOWN[shown][1], "found": []}
