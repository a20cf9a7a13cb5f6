"""`tta models`: what the router would find here, and why the rest is missing."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from .exits import EXIT_OK
from .report import plain_table

if TYPE_CHECKING:
    import argparse

    from tta_dev_primitives.llm.models import Model

    from .commands import Commands


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("models", help="show which models the router would find")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from rich.console import Console

    from tta_dev_primitives.llm.models import discover_models

    found = [describe(model) for model in discover_models(os.environ).models]
    if options.json:
        json.dump(found, sys.stdout)
        print()
        return EXIT_OK
    table = plain_table("model", "tier", "in $/M", "out $/M", "context", "")
    table.columns[1].justify = table.columns[5].justify = "left"
    for model in found:
        table.add_row(
            f"{model['provider']}:{model['model']}",
            model["tier"] or "-",
            price(model["input_usd_per_million"]),
            price(model["output_usd_per_million"]),
            thousands(model["context_window"]),
            "ready" if model["available"] else "missing",
        )
    console = Console()
    console.print(table)
    for reason in dict.fromkeys(model["reason"] for model in found if not model["available"]):
        console.print(f"missing: {reason}", markup=False, highlight=False, soft_wrap=True)
    return EXIT_OK


def describe(model: Model) -> dict[str, Any]:  # Any: JSON
    """Return a model as a JSON object."""
    return {
        "provider": model.provider,
        "model": model.id,
        "tier": model.tier,
        "context_window": model.context_window,
        "features": None if model.features is None else sorted(model.features),
        "input_usd_per_million": per_million(model.input_price),
        "output_usd_per_million": per_million(model.output_price),
        "available": model.available,
        "reason": model.reason,
    }


def per_million(price_per_token: float | None) -> float | None:
    """Return the price of a million tokens."""
    return None if price_per_token is None else round(price_per_token * 1_000_000, 6)


def thousands(tokens: int | None) -> str:
    """Return a number of tokens for people to read."""
    return "-" if tokens is None else f"{tokens // 1000:,}k"


def price(amount: float | None) -> str:
    """Return a price for people to read."""
    return "unpriced" if amount is None else f"{amount:g}"
