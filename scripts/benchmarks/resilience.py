"""Every figure of composition and resilience, against floors and other libraries, in one run.

    uv run --group benchmarks python scripts/benchmarks/resilience.py [--json] [--quick]
        [--only composition|policies|pipeline|cancellation|imports ...] [--uvloop]
        [--batches N] [--cancellations N]

Peers that are not installed are named and left out. Takes about two minutes; --quick a quarter.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

import core
import resilience_cancellation
import resilience_imports
import resilience_pipeline
import resilience_policies
from cache_data import installed
from cache_tables import Options, Table
from resilience_peers import versions
from timing import machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

QUICK = (8, 200, 3)
USUAL = (40, 2000, 12)


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of each is done.

    Attributes:
        batches: Batches per timed case.
        cancellations: Calls cancelled per library.
        imports: New processes per import.
    """

    batches: int
    cancellations: int
    imports: int


PARTS: dict[str, Callable[[Amounts], Awaitable[list[Table]]]] = {
    "composition": lambda amounts: core.tables(Options(amounts.batches)),
    "policies": lambda amounts: resilience_policies.tables(Options(amounts.batches)),
    "pipeline": lambda amounts: resilience_pipeline.tables(Options(amounts.batches)),
    "cancellation": lambda amounts: resilience_cancellation.tables(amounts.cancellations),
    "imports": lambda amounts: resilience_imports.tables(amounts.imports),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen parts and print their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer of everything")
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="run this part; may be repeated"
    )
    parser.add_argument("--uvloop", action="store_true", help="run everything on uvloop")
    parser.add_argument("--batches", type=int, help="batches per timed case (40; quick 8)")
    parser.add_argument(
        "--cancellations", type=int, help="calls cancelled per library (2000; quick 200)"
    )
    chosen = parser.parse_args(arguments)
    batches, cancellations, imports = QUICK if chosen.quick else USUAL
    if chosen.batches is not None:
        batches = chosen.batches
    if chosen.cancellations is not None:
        cancellations = chosen.cancellations
    amounts = Amounts(batches, cancellations, imports)
    if min(batches, cancellations) < 1:
        parser.error("--batches and --cancellations must be at least 1")
    if chosen.uvloop and not installed("uvloop"):
        parser.error("uvloop is not installed. Try: uv add 'tta-dev-primitives[fast]'")
    for variable in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
        os.environ[variable] = "false"  # nobody's tracing is measured, and nothing is sent
    only: list[str] | None = chosen.only
    names = list(PARTS) if only is None else only
    loop = "uvloop" if chosen.uvloop else "asyncio"
    where = f"{machine()}, {loop}"
    if not chosen.json:
        print(where, end="\n\n")
        print(_named(versions()), end="\n\n", flush=True)
    found: dict[str, list[Table]] = {}
    for name in names:
        with asyncio.Runner(loop_factory=_loop_factory(loop)) as runner:
            found[name] = runner.run(_run(name, amounts))
        if not chosen.json:
            for table in found[name]:
                table.print()
    if chosen.json:
        parts = {name: [table.record() for table in tables] for name, tables in found.items()}
        record = {"machine": machine(), "loop": loop, "peers": versions(), "parts": parts}
        json.dump(record, sys.stdout)
        print()
    return 0


def _loop_factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if loop == "asyncio":
        return asyncio.new_event_loop
    uvloop: Any = importlib.import_module("uvloop")  # Any: not there on Windows
    return uvloop.new_event_loop


def _named(found: dict[str, str | None]) -> str:
    there = [f"{name} {version}" for name, version in found.items() if version is not None]
    absent = [name for name, version in found.items() if version is None]
    return f"Peers: {', '.join(there) or 'none'}. Not installed: {', '.join(absent) or 'none'}."


async def _run(name: str, amounts: Amounts) -> list[Table]:
    return await PARTS[name](amounts)


if __name__ == "__main__":
    sys.exit(main())
