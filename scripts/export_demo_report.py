"""Run the demo and save its report as a picture for the docs.

The picture is an SVG that stands alone: it names no address that a reader's browser would fetch.

Exit codes: 0 saved, 1 tickets failed or the run was interrupted, 2 misuse.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

from tta_dev_primitives.cli.demo import run_arms
from tta_dev_primitives.cli.demo_report import comparison, summary
from tta_dev_primitives.demo.tickets import exact_repeat_share, generate_tickets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_OUTPUT = ROOT / "docs/images/demo-report.svg"
TITLE = "uv run tta demo"
COLUMNS = 78

# Rich's own template asks the browser to download a font; this one takes what the reader has.
SVG_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
}}
.{unique_id}-title {{
    font-family: system-ui, sans-serif;
    font-size: 18px;
    font-weight: bold;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def draw(report: RenderableType) -> str:
    """Return *report* as an SVG of a terminal window."""
    console = Console(
        record=True,
        width=COLUMNS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(report)
    svg = console.export_svg(
        title=TITLE,
        theme=SVG_EXPORT_THEME,
        code_format=SVG_FORMAT,
        unique_id="demo-report",
    )
    return "".join(line.rstrip() + "\n" for line in svg.splitlines())


def save(text: str, path: Path) -> None:
    """Write *text* to *path* at once, so that nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo with simulated models, save the picture, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tickets", type=int, default=600, metavar="N", help="how many (600)")
    parser.add_argument("--seed", type=int, default=0, help="as in tta demo (0)")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print the numbers as one JSON object")
    options = parser.parse_args(arguments)
    try:
        tickets = generate_tickets(options.tickets, seed=options.seed)
    except ValueError as error:
        parser.error(str(error))
    arms = asyncio.run(run_arms("simulated", tickets, seed=options.seed))
    if len(arms) < 2 or any(arm.report.interrupted for arm in arms):
        print("interrupted before there was anything to draw", file=sys.stderr)
        return 1
    with_primitives, baseline = arms
    if with_primitives.report.errors:
        print(f"{with_primitives.report.errors} tickets failed; nothing is saved", file=sys.stderr)
        return 1
    share = exact_repeat_share(tickets)
    save(draw(comparison("simulated", with_primitives, baseline, share)), options.output)
    if options.json:
        print(json.dumps(summary("simulated", with_primitives, baseline)))
    else:
        print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
