"""Every figure of recording and replaying API traffic, against floors and other tools, in one run.

    uv run python scripts/benchmarks/keploy.py [--json] [--quick]
        [--only proxy|streams|mocks|loading|runs|certificates] [--environments FOLDER]

mitmproxy, VCR.py and trustme get environments of their own through uv, kept in FOLDER; where
they cannot be installed they are named and left out. Everything is on loopback. Takes about seven
minutes; --quick two.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import keploy_certificates
import keploy_loading
import keploy_mocks
import keploy_proxy
import keploy_runs
import keploy_streams
from keploy_environments import Peers, default_folder
from keploy_goals import QUICK, USUAL, Amounts
from timing import machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from cache_tables import Table

PARTS: dict[str, Callable[[Amounts, Peers], list[Table]]] = {
    "proxy": keploy_proxy.tables,
    "streams": keploy_streams.tables,
    "mocks": keploy_mocks.tables,
    "loading": keploy_loading.tables,
    "runs": keploy_runs.tables,
    "certificates": keploy_certificates.tables,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen parts and print their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer of everything")
    parser.add_argument("--only", choices=PARTS, help="run one part")
    parser.add_argument(
        "--environments",
        type=Path,
        default=default_folder(),
        metavar="FOLDER",
        help="where the environments of the other tools are kept (%(default)s)",
    )
    chosen = parser.parse_args(arguments)
    amounts = QUICK if chosen.quick else USUAL
    peers = Peers(chosen.environments)
    if not chosen.json:
        print(machine(), end="\n\n", flush=True)
    found: dict[str, list[Table]] = {}
    for name in PARTS if chosen.only is None else [chosen.only]:
        found[name] = PARTS[name](amounts, peers)
        if not chosen.json:
            for table in found[name]:
                table.print()
    if chosen.json:
        parts = {name: [table.record() for table in tables] for name, tables in found.items()}
        json.dump({"machine": machine(), "absent": peers.absent, "parts": parts}, sys.stdout)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
