"""`tta cost advise` and `tta cost diff`: what would save most, and what got dearer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tta_dev_primitives import __version__

from .cost_output import check_output, write
from .cost_prices import open_prices
from .exits import EXIT_OK
from .lint_run import write_text

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from tta_dev_primitives.devtools.cost_advice.advice import Advice
    from tta_dev_primitives.devtools.cost_advice.comparison import Comparison
    from tta_dev_primitives.devtools.traffic.spool import Traffic


def advise(path: Path, options: argparse.Namespace) -> int:
    """Tell which lever would save how much on recorded traffic, the largest first."""
    from tta_dev_primitives.devtools.cost_advice import advising
    from tta_dev_primitives.devtools.traffic.opening import open_traffic

    check_output(options.output)
    prices = open_prices(options.prices)
    with open_traffic(path) as traffic:
        _tell_notes(traffic)
        advice = advising.advise(traffic, prices, source=traffic.source, quality=options.quality)
    write(_advice(advice, options.format), options.output, told="advised")
    return EXIT_OK


def compare(before: Path, after: Path, options: argparse.Namespace) -> int:
    """Tell what made two recordings cost differently."""
    from tta_dev_primitives.devtools.cost_advice import comparing
    from tta_dev_primitives.devtools.traffic.opening import open_traffic

    check_output(options.output)
    prices = open_prices(options.prices)
    with open_traffic(before) as older, open_traffic(after) as newer:
        _tell_notes(older)
        _tell_notes(newer)
        comparison = comparing.compare(
            older, newer, prices, before_source=older.source, after_source=newer.source
        )
    write(_comparison(comparison, options.format), options.output, told="compared")
    return EXIT_OK


def _advice(advice: Advice, chosen: str) -> str:
    match chosen:
        case "json":
            from tta_dev_primitives.devtools.cost_advice.advice_json import advice_json

            return advice_json(advice, version=__version__)
        case "markdown":
            from tta_dev_primitives.devtools.cost_advice.advice_markdown import advice_markdown

            return advice_markdown(advice)
        case _:
            from tta_dev_primitives.devtools.cost_advice.advice_text import advice_lines

            return "\n".join(advice_lines(advice)) + "\n"


def _comparison(comparison: Comparison, chosen: str) -> str:
    match chosen:
        case "json":
            from tta_dev_primitives.devtools.cost_advice.comparison_json import comparison_json

            return comparison_json(comparison, version=__version__)
        case "markdown":
            from tta_dev_primitives.devtools.cost_advice.comparison_markdown import (
                comparison_markdown,
            )

            return comparison_markdown(comparison)
        case _:
            from tta_dev_primitives.devtools.cost_advice.comparison_text import comparison_lines

            return "\n".join(comparison_lines(comparison)) + "\n"


def _tell_notes(traffic: Traffic) -> None:
    for note in traffic.notes:
        write_text(f"tta: {traffic.source}: {note}\n", sys.stderr)
