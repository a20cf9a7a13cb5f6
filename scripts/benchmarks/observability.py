"""What it costs to watch, beside not watching and beside opentelemetry-sdk, in one run.

    uv run python scripts/benchmarks/observability.py [--quick] [--json FILE]
        [--only calls|workflow|saturation|imports|memory|encoding]

Everything runs in processes of its own, in turns, on loopback. Takes about six minutes; --quick
under one. The exit code is 0 whether goals are met or not.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import observability_calls
import observability_encoding
import observability_imports
import observability_loads
import observability_memory
import observability_saturation
from observability_amounts import QUICK, USUAL, Amounts
from observability_findings import Finding, print_findings
from timing import machine

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS: dict[str, Callable[[Amounts], list[Finding]]] = {
    "calls": observability_calls.findings,
    "workflow": observability_loads.findings,
    "saturation": observability_saturation.findings,
    "imports": observability_imports.findings,
    "memory": observability_memory.findings,
    "encoding": observability_encoding.findings,
}
NOTE = (
    "Figures are the least that was seen, with the median in brackets, or the median of rounds "
    "where percentages and rates are told. A ratio is ours over the other; below 1 is less."
)


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen parts and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--only", choices=PARTS, help="run one part")
    chosen = parser.parse_args(arguments)
    amounts = QUICK if chosen.quick else USUAL
    where = f"{machine()}, opentelemetry-sdk {importlib.metadata.version('opentelemetry-sdk')}"
    print(where, end="\n\n", flush=True)
    found: list[Finding] = []
    for name in PARTS if chosen.only is None else [chosen.only]:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        found += PARTS[name](amounts)
    print_findings(found)
    print(f"\n{NOTE}")
    if chosen.json is not None:
        record = {
            "machine": where,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": chosen.quick,
            "findings": [each.record() for each in found],
        }
        chosen.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
