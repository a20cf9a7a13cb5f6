"""What a certificate for a further host costs, against trustme."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache_tables import Table
from keploy_goals import Goal, verdict
from keploy_processes import program, result_of

if TYPE_CHECKING:
    from keploy_environments import Peers
    from keploy_goals import Amounts

LEAF_MS = Goal(0.2, "at most", "ms")
SOURCE = Path(__file__).parents[2] / "packages" / "keploy-framework" / "src"


def tables(amounts: Amounts, peers: Peers) -> list[Table]:
    """Sign for each side in turns, in one process."""
    title = "Certificates of hosts"
    python = peers.libraries()
    if python is None:
        return [Table(title, note=f"Not measured.{peers.note()}")]
    count = str(amounts.certificates)
    words = program("keploy_signing.py", count, python=python)
    found = result_of(words, environment={"PYTHONPATH": str(SOURCE)})
    records: list[dict[str, Any]] = []  # Any: JSON values
    for name, milliseconds in found.items():
        record: dict[str, Any] = {  # Any: JSON values
            "what": name,
            "ms min": min(milliseconds),
            "ms median": statistics.median(milliseconds),
            "x trustme": min(milliseconds) / min(found["trustme issue_cert"]),
        }
        if name == "ours":
            record = verdict(record, "figure", LEAF_MS, min(milliseconds))
        records.append(record | {"goal": record.get("goal"), "": record.get("", "")})
    for record in records:
        record.pop("figure", None)
    note = (
        f"{count} new hosts each, after the first. Ours shares one key among hosts; trustme makes "
        "a key for each."
    )
    return [Table(title, records=records, note=note)]
