"""How late the frames of a stream come while it is recorded."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from cache_tables import Table
from keploy_goals import Goal, verdict
from keploy_processes import program, result_of
from keploy_proxy import DIRECT, PEER, UNBUFFERED, WRITING, opened, opened_app
from keploy_wrk import OWN

if TYPE_CHECKING:
    from keploy_environments import Peers
    from keploy_goals import Amounts

ADDED_MS = Goal(5, "at most", "ms")


def tables(amounts: Amounts, peers: Peers) -> list[Table]:
    """Read streams through each way in turns."""
    late: dict[str, list[float]] = {}
    merged: dict[str, int] = {}
    with ExitStack() as stack:
        app = opened_app(stack)
        names = (WRITING, PEER, UNBUFFERED)
        ways = [app, *filter(None, (opened(stack, app.port, name, peers) for name in names))]
        for _ in range(amounts.rounds * 2):
            for way in ways:
                found = result_of(program(OWN, str(way.port), "--streams", "1"))
                late.setdefault(way.name, []).extend(found["late_ms"])
                merged[way.name] = merged.get(way.name, 0) + found["merged"]
    records = [_record(name, late, merged[name]) for name in late]
    note = (
        "Frames 50 ms apart, each with the time it was sent; late is when the client had it. "
        f"The goal also wants no frame merged with another.{peers.note()}"
    )
    return [Table("Streams while recording", records=records, note=note)]


def _record(name: str, late: dict[str, list[float]], merged: int) -> dict[str, Any]:
    """Return the row of one way."""  # Any: JSON values
    own, direct = late[name], late[DIRECT]
    added = _p95(own) - _p95(direct)
    record: dict[str, Any] = {  # Any: JSON values
        "way": name,
        "frames": len(own),
        "p50 ms": statistics.median(own),
        "p95 ms": _p95(own),
        "frames merged": merged,
    }
    record = verdict(record, "p95 over direct, ms", ADDED_MS, added)
    if name != WRITING:
        return record | {"goal": "", "": ""}
    return record | ({"": "missed"} if merged else {})


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]
