"""Ask what only an upgrade of a package changes, and count which answers were kept.

The answers are prices from genai-prices. They are kept by UVCachePrimitive in the folder that
TTA_CACHE_DIR names, which a workflow stores between its runs.

Exit codes: 0 done, 1 an answer was not kept though --all-kept was given, 2 misuse.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from tta_dev_primitives import UVCachePrimitive
from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

MODELS = ("claude-sonnet-4-0", "gpt-4o", "gpt-4o-mini")


def price(model: str) -> str:
    """Return what a thousand tokens in and a hundred out cost, in US dollars."""
    # It takes a second to load, which kept answers save.
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=1_000, output_tokens=100)
    return str(calc_price(usage, model_ref=model).total_price)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask for every price, tell how many were kept, and give the exit code."""
    parser = argparse.ArgumentParser(
        description="Ask for prices, and count which of them an earlier run has left.",
        epilog="exit codes: 0 done, 1 an answer was not kept, 2 misuse",
    )
    parser.add_argument("--all-kept", action="store_true", help="fail where one was not kept")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    asked: list[str] = []

    def ask(model: str) -> str:
        asked.append(model)
        return price(model)

    try:
        cached = UVCachePrimitive(ask, depends_on=["genai-prices"], ttl_seconds=None)
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    prices = {model: cached.run(model) for model in MODELS}
    cached.close()
    kept = len(MODELS) - len(asked)
    if options.json:
        print(json.dumps({"kept": kept, "asked": asked, "prices": prices}))
    else:
        print(f"{kept} of {len(MODELS)} answers were kept; asked for: {', '.join(asked) or '-'}")
    return 1 if asked and options.all_kept else 0


if __name__ == "__main__":
    sys.exit(main())
