"""Throughput of the record relay, against no proxy at all and against mitmproxy."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keploy_wrk
from cache_tables import Table
from keploy_goals import Goal
from keploy_processes import cpu_seconds, free_port, program, result_of, server

if TYPE_CHECKING:
    import subprocess

    from keploy_environments import Peers
    from keploy_goals import Amounts

MANY = 16
THROUGHPUT = Goal(10, "at least")
DELAY = Goal(0.15, "at most")
DIRECT, OURS, WRITING, PEER = "direct", "ours", "ours, writing tests", "mitmproxy reverse"
UNBUFFERED = "mitmproxy, stream_large_bodies=1"
STEADY_RATES = (200, 500, 1000)
DISK_SECONDS = 0.5


@dataclass(slots=True)
class Way:
    """One way to the app, and what was measured of it."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    result: Path | None = None


@dataclass(slots=True)
class Loads:
    """What was measured of one way, by the number of connections."""

    found: dict[int, list[dict[str, float]]] = field(
        default_factory=dict[int, "list[dict[str, float]]"]
    )

    def best(self, connections: int, key: str) -> float:
        """Return the least, or the most for a rate, over the rounds."""
        values = [each[key] for each in self.found[connections]]
        return max(values) if key == "requests_per_second" else min(values)

    @property
    def last_sent(self) -> float:
        """How many requests the last load of each number of connections sent, together."""
        return sum(each[-1]["sent"] for each in self.found.values())

    def median(self, connections: int, key: str) -> float:
        """Return the median over the rounds."""
        return statistics.median(each[key] for each in self.found[connections])


def opened(stack: ExitStack, app: int, name: str, peers: Peers) -> Way | None:
    """Open one way to the app on port *app*; None where what it needs is not there."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
    port = free_port()
    result = None
    words: list[str | Path] = [*program("keploy_relay.py", str(port), str(app))]
    if name == WRITING:
        result = folder / "result.json"
        words += ["--write", folder / "keploy", "--result", result]
    elif name in (PEER, UNBUFFERED):
        mitmproxy = peers.mitmproxy()
        if mitmproxy is None:
            return None
        words = [mitmproxy, "-q", "--mode", f"reverse:http://127.0.0.1:{app}"]
        words += ["--listen-host", "127.0.0.1", "-p", str(port)]
        words += ["--set", f"confdir={folder / 'mitmproxy'}"]
        words += ["--set", "stream_large_bodies=1"] if name == UNBUFFERED else []
    return Way(name, port, stack.enter_context(server(words, port)), result)


def opened_app(stack: ExitStack) -> Way:
    """Open the app itself, which is the way with nothing between."""
    port = free_port()
    process = stack.enter_context(server(program("keploy_upstream.py", str(port)), port))
    return Way(DIRECT, port, process)


def tables(amounts: Amounts, peers: Peers) -> list[Table]:
    """Load each way in turns, with one connection and with sixteen."""
    loads: dict[str, Loads] = {}
    share: list[float] = []
    with ExitStack() as stack:
        app = opened_app(stack)
        ways = [app, *(opened(stack, app.port, name, peers) for name in (OURS, PEER))]
        for _ in range(amounts.rounds):
            for way in filter(None, ways):
                _load(way, loads, amounts.seconds)
            # What it has not written yet must not be written during the turn of another.
            with ExitStack() as turn:
                writing = opened(turn, app.port, WRITING, peers)
                assert writing is not None
                _load(writing, loads, amounts.seconds)
                share.append(_result(writing)["lost"] / loads[WRITING].last_sent)
        kept = [
            _kept(app.port, rate, amounts.seconds, peers) for _ in range(2) for rate in STEADY_RATES
        ]
    records = [_record(name, loads) for name in (DIRECT, OURS, WRITING, PEER) if name in loads]
    note = (
        f"The best of {amounts.rounds} rounds of {amounts.seconds:g} s, each way in turns, "
        f"medians in brackets; load by {keploy_wrk.generator()}. "
        "`ours` parses every exchange and counts it. `writing tests` hands them to the recorder, "
        f"which could not write them that fast: it lost {statistics.median(share):.0%} of them "
        "(median), so that row is no rate of recording; see below. Ratios are the lower of "
        f"best by best and median by median.{peers.note()}"
    )
    lost = (
        "One connection at a steady rate; `waiting` were taken and not yet written at the end. "
        "The floor writes files of 1 KB and forces each and its folder to the disk, as a test is; "
        "it is measured right after each row, because the disk is what varies."
    )
    return [
        Table("Record proxy, small JSON", records=records, note=note),
        Table("What is recorded at a steady rate", records=kept, note=lost),
    ]


def _load(way: Way, loads: dict[str, Loads], seconds: float) -> None:
    for connections in (1, MANY):
        before = cpu_seconds(way.process.pid)
        found = keploy_wrk.load(way.port, connections, seconds)
        after = cpu_seconds(way.process.pid)
        if before is not None and after is not None:
            found["cpu_us"] = (after - before) * 1e6 / found["sent"]
        loads.setdefault(way.name, Loads()).found.setdefault(connections, []).append(found)


def _kept(app: int, rate: int, seconds: float, peers: Peers) -> dict[str, Any]:  # Any: JSON values
    with ExitStack() as stack:
        way = opened(stack, app, WRITING, peers)
        assert way is not None
        words = program(keploy_wrk.OWN, str(way.port), "--rate", str(rate))
        found = result_of([*words, "--seconds", str(seconds)])
        result = _result(way)
    return {
        "requests/s asked for": rate,
        "requests/s sent": found["requests_per_second"],
        "exchanges": found["sent"],
        "written": result["written"],
        "waiting": found["sent"] - result["written"] - result["lost"],
        "lost": result["lost"],
        "written/s": result["written"] / seconds,
        "floor, files/s": _durable_files_per_second(),
    }


def _result(way: Way) -> dict[str, int]:
    """End a recorder and return what it says of itself."""
    assert way.result is not None
    way.process.terminate()
    way.process.wait()
    return json.loads(way.result.read_text())


def _durable_files_per_second() -> float:
    """Write files as a test is written, for half a second, and nothing else."""
    content = b"x" * 1000
    with tempfile.TemporaryDirectory() as name:
        count, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < DISK_SECONDS:
            with (Path(name) / f"{count}.tmp").open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            (Path(name) / f"{count}.tmp").replace(Path(name) / f"{count}.yaml")
            if sys.platform != "win32":  # a folder cannot be opened there
                handle = os.open(name, os.O_RDONLY)
                os.fsync(handle)
                os.close(handle)
            count += 1
    return count / elapsed


def _record(name: str, loads: dict[str, Loads]) -> dict[str, Any]:  # Any: JSON values
    rate, delay = "requests_per_second", "p50_us"
    own, direct, peer = loads[name], loads[DIRECT], loads.get(PEER)
    added = own.best(1, delay) - direct.best(1, delay)
    record: dict[str, Any] = {"way": name}  # Any: JSON values
    for connections in (1, MANY):
        best, median = own.best(connections, rate), own.median(connections, rate)
        record[f"requests/s c={connections}"] = f"{best:.0f} ({median:.0f})"
    record["p50 us c=1"] = own.best(1, delay)
    record["p50 over direct, us"] = None if name == DIRECT else added
    if "cpu_us" in own.found[MANY][0]:
        record["CPU us a request c=16"] = own.best(MANY, "cpu_us")
    times = share = None
    if peer is not None and name == OURS:
        times = min(own.best(MANY, rate) / peer.best(MANY, rate), _by_median(own, peer, rate))
        share = added / (peer.best(1, delay) - direct.best(1, delay))
        by_median = own.median(1, delay) - direct.median(1, delay)
        share = max(share, by_median / (peer.median(1, delay) - direct.median(1, delay)))
    record["x mitmproxy c=16"] = times
    record[str(THROUGHPUT)] = THROUGHPUT.verdict(times)
    record["p50 share of mitmproxy's"] = share
    record[str(DELAY)] = DELAY.verdict(share)
    return record


def _by_median(own: Loads, peer: Loads, key: str) -> float:
    return own.median(MANY, key) / peer.median(MANY, key)
