"""Lines of request logs, and logs of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any  # Any: a line is JSON

from tta_dev_primitives.devtools.traffic.opening import open_traffic
from tta_dev_primitives.devtools.traffic.request import TrafficRequest

ROW: Mapping[str, Any] = {
    "id": "r-1",
    "ts": 1_764_000_000,
    "model": "small-model",
    "usage": {"input": 10, "output": 5},
}


def row(**changes: Any) -> dict[str, Any]:
    """Return a row that is right, with *changes*; one that is `...` takes its key away."""
    changed = {**ROW, **changes}
    return {name: value for name, value in changed.items() if value is not ...}


def rows(*times: float) -> list[dict[str, Any]]:
    """Return rows r-0, r-1 and so on, one for each time, which counts from that of `ROW`."""
    return [row(id=f"r-{at}", ts=ROW["ts"] + time) for at, time in enumerate(times)]


def write_log(
    folder: Path, *lines: Mapping[str, Any] | str | bytes, name: str = "log.jsonl"
) -> Path:
    """Write a log of *lines*, each an object, or what stands in its place."""
    path = folder / name
    path.write_bytes(b"".join(_line(line) for line in lines))
    return path


def read(path: Path) -> list[TrafficRequest]:
    """Return the requests of what was recorded at *path*."""
    with open_traffic(path) as traffic:
        return list(traffic)


def read_rows(folder: Path, *given: Mapping[str, Any]) -> list[TrafficRequest]:
    """Return the requests of a log of these rows."""
    return read(write_log(folder, *given))


def ids(requests: Iterable[TrafficRequest]) -> list[str]:
    """Return the ids of *requests*."""
    return [request.id for request in requests]


def _line(line: Mapping[str, Any] | str | bytes) -> bytes:
    if isinstance(line, bytes):
        return line
    text = line if isinstance(line, str) else json.dumps(line)
    return text.encode() + b"\n"
