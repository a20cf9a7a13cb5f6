"""Outgoing calls answered from mocks, against VCR.py in the same client."""

from __future__ import annotations

import json
import random
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache_tables import Table
from keploy_data import HOST, call, write_cassette, write_mocks
from keploy_goals import Goal, verdict
from keploy_processes import cpu_seconds, free_port, program, result_of, server

if TYPE_CHECKING:
    from keploy_environments import Peers
    from keploy_goals import Amounts

TIMES_VCR = Goal(12, "at least", "x VCR.py")
SLOWER = Goal(1.3, "at most", "x slower")
CLIENTS = ("requests", "httpx")
CALLS = 400
MOST_ROUNDS = 3
# One call of VCR.py looks at every interaction; so many calls fill the time it is given.
VCR_SECONDS = 3.0
VCR_US_PER_INTERACTION = {False: 12.0, True: 80.0}
LEAST_VCR_CALLS = 8


@dataclass(slots=True)
class Rates:
    """Calls a second of each round, by who answers; and what our server's processor did."""

    ours: list[float] = field(default_factory=list[float])
    vcr: list[float] = field(default_factory=list[float])
    cpu_us: list[float] = field(default_factory=list[float])


def tables(amounts: Amounts, peers: Peers) -> list[Table]:
    """Call in random order, each side in turns, at both sizes."""
    python = peers.libraries()
    title = "Outgoing calls answered from mocks"
    if python is None:
        return [Table(title, note=f"Not measured.{peers.note()}")]
    rounds = min(amounts.rounds, MOST_ROUNDS)
    records: list[dict[str, Any]] = []  # Any: JSON values
    for one_path in (False, True):
        small: dict[str, Rates] = {}
        for count in amounts.mocks:
            found = _measured(count, rounds, python, one_path=one_path)
            records += [
                _record(name, count, rates, small.get(name), one_path=one_path)
                for name, rates in found.items()
            ]
            small = small or found
    note = (
        "Calls a second of one client with a kept connection, calls in random order: the best of "
        f"{rounds} rounds, the median in brackets. Whole rounds, as VCR.py's cost depends on where "
        "in the cassette a call is; the goal is judged by the lower of both ratios. Ours is a "
        "server in another process, so the client and loopback are part of its figure; VCR.py "
        "answers inside the client's, once where the set is large. With one path for all calls "
        "it has to compare bodies, or it would answer in recorded order."
    )
    return [Table(title, records=records, note=note)]


def _measured(count: int, rounds: int, python: Path, *, one_path: bool) -> dict[str, Rates]:
    found = {name: Rates() for name in CLIENTS}
    is_large = count > 1000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_mocks(folder / "keploy", count, one_path=one_path)
        write_cassette(folder / "cassette.yaml", count, one_path=one_path)
        for turn in range(rounds):
            order = random.Random(turn).sample(range(count), min(CALLS, count))
            calls = [call(number, one_path=one_path) for number in order]
            told = [[path, asked.decode(), answered.decode()] for path, asked, answered in calls]
            for client, rates in found.items():
                _ours(folder, told, client, rates, python)
                if not is_large or (turn == 0 and not one_path):
                    few = int(VCR_SECONDS * 1e6 / VCR_US_PER_INTERACTION[one_path] / count)
                    few = max(few, LEAST_VCR_CALLS)
                    answered = _vcr(folder, told[:few], client, python, body=one_path)
                    rates.vcr.append(answered)
    return found


def _ours(folder: Path, told: list[list[str]], client: str, rates: Rates, python: Path) -> None:
    port = free_port()
    # Each turn has a server of its own, as a mock that was used is remembered as used.
    with server(program("keploy_answers.py", str(port), folder / "keploy"), port) as process:
        before = cpu_seconds(process.pid)
        words = _client_words(folder, told, client, python)
        rates.ours.append(_rate(result_of([*words, "--base", f"http://127.0.0.1:{port}"])))
        after = cpu_seconds(process.pid)
    if before is not None and after is not None:
        rates.cpu_us.append((after - before) * 1e6 / len(told))


def _vcr(folder: Path, told: list[list[str]], client: str, python: Path, *, body: bool) -> float:
    words = _client_words(folder, told, client, python)
    words += ["--base", f"http://{HOST}", "--cassette", str(folder / "cassette.yaml")]
    return _rate(result_of([*words, "--body"] if body else words))


def _client_words(folder: Path, told: list[list[str]], client: str, python: Path) -> list[str]:
    calls = folder / "calls.json"
    calls.write_text(json.dumps(told))
    return program("keploy_client.py", calls, "--client", client, python=python)


def _record(
    client: str, count: int, rates: Rates, small: Rates | None, *, one_path: bool
) -> dict[str, Any]:
    """Return the row of one client; *small* is what it did with the small set."""  # Any: JSON
    ours, vcr = max(rates.ours), max(rates.vcr, default=None)
    times = None
    if vcr is not None:
        times = min(ours / vcr, statistics.median(rates.ours) / statistics.median(rates.vcr))
    slower = None if small is None else max(small.ours) / ours
    record: dict[str, Any] = {  # Any: JSON values
        "calls": "one path, bodies differ" if one_path else "a path each",
        "client": client,
        "mocks": count,
        "ours": f"{ours:.0f} ({statistics.median(rates.ours):.0f})",
        "VCR.py": vcr and f"{vcr:.1f} ({statistics.median(rates.vcr):.1f})",
        "server CPU us a call": min(rates.cpu_us, default=None),
        "x VCR.py": times,
    }
    goal, figure = (TIMES_VCR, times) if small is None else (SLOWER, slower)
    return verdict(record, "x slower than the small set", goal, figure) | {
        "x slower than the small set": slower
    }


def _rate(found: dict[str, Any]) -> float:  # Any: JSON values
    """Return calls a second of a round; the first call opens the connection and is left out."""
    if found["wrong"]:
        msg = f"{found['wrong']} of {len(found['seconds'])} answers were wrong"
        raise RuntimeError(msg)
    seconds = found["seconds"][1:]
    return len(seconds) / sum(seconds)
