"""How fast recordings are read: mocks against VCR.py's cassettes, tests against plain PyYAML."""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache_tables import Table
from keploy_data import call, write_cassette, write_mocks, write_tests
from keploy_goals import Goal, verdict
from keploy_processes import program, result_of

if TYPE_CHECKING:
    from keploy_environments import Peers
    from keploy_goals import Amounts

MOCKS_COLD = Goal(0.7, "at most")
MOCKS_WARM = Goal(0.2, "at most")
TESTS_COLD = Goal(1.5, "at most")
TESTS_WARM = Goal(0.3, "at most")
LINEAR = Goal(1.3, "at most", "x per mock")
COLD, WARM = "cold", "warm cache"


def tables(amounts: Amounts, peers: Peers) -> list[Table]:
    """Read each in turns, every time in a new process."""
    return [_mocks(amounts, peers), _tests(amounts)]


def _mocks(amounts: Amounts, peers: Peers) -> Table:
    python = peers.libraries()
    records: list[dict[str, Any]] = []  # Any: JSON values
    small: dict[str, float] = {}
    for count in amounts.mocks:
        rounds = amounts.rounds if count <= 1000 else 2
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_mocks(folder / "keploy", count)
            cassette = folder / "cassette.yaml"
            write_cassette(cassette, count)
            words = None
            if python is not None:
                words = program("keploy_client.py", "--load", cassette, python=python)
            taken = _in_turns(folder, "ready", "mocks", "plain-mocks", rounds, count, words)
        peer = taken.get("VCR.py")
        for state, goal in ((COLD, MOCKS_COLD), (WARM, MOCKS_WARM)):
            ours = taken["ready", state]
            record: dict[str, Any] = {  # Any: JSON values
                "mocks": count,
                "cache": state,
                "ours, ready to answer": _shown(ours),
                "ours, read only": _shown(taken["mocks", state]),
                "VCR.py": None if peer is None else _shown(peer),
                "plain CSafeLoader": _shown(taken["plain-mocks"]),
            }
            ratio = None if peer is None else min(ours) / min(peer)
            record = verdict(record, "x VCR.py", goal, ratio)
            per_mock = min(ours) / count
            growth = per_mock / small[state] if state in small else None
            small.setdefault(state, per_mock)
            record["x per mock"] = growth
            record[str(LINEAR)] = LINEAR.verdict(growth)
            records.append(record)
    note = f"Milliseconds: the least, the median in brackets.{peers.note()}"
    return Table("Loading a mock set", records=records, note=note)


def _tests(amounts: Amounts) -> Table:
    records: list[dict[str, Any]] = []  # Any: JSON values
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        body = json.dumps([json.loads(call(number, one_path=True)[2]) for number in (1, 2)])
        write_tests(folder / "keploy", amounts.tests, 8000, body.encode())
        rounds, count = amounts.rounds, amounts.tests
        taken = _in_turns(folder, "tests", "", "plain-tests", rounds, count, None)
        sizes = [file.stat().st_size for file in (folder / "keploy").rglob("test-*.yaml")]
    plain = taken["plain-tests"]
    for state, goal in ((COLD, TESTS_COLD), (WARM, TESTS_WARM)):
        ours = taken["tests", state]
        record = {
            "tests": count,
            "cache": state,
            "ours": _shown(ours),
            "plain CSafeLoader": _shown(plain),
        }
        records.append(verdict(record, "ratio", goal, min(ours) / min(plain)))
    note = (
        "Milliseconds: the least, the median in brackets. The files have "
        f"{sum(sizes) / 1e6:.1f} MB. Cold writes the cache too."
    )
    return Table("Loading tests", records=records, note=note)


def _in_turns(
    folder: Path,
    ready: str,
    read: str,
    plain: str,
    rounds: int,
    count: int,
    peer: list[str] | None,
) -> dict[Any, list[float]]:  # Any: a name, or a name and the state of the cache
    root, cache = folder / "keploy", folder / "cache"
    taken: dict[Any, list[float]] = {}
    for _ in range(rounds):
        for what in filter(None, (ready, read)):
            shutil.rmtree(cache, ignore_errors=True)
            for state in (COLD, WARM):
                words = program("keploy_reading.py", what, root, "--cache", cache)
                taken.setdefault((what, state), []).append(_seconds(words, count))
        taken.setdefault(plain, []).append(
            _seconds(program("keploy_reading.py", plain, root), count)
        )
        if peer is not None:
            taken.setdefault("VCR.py", []).append(float(result_of(peer)))
    return taken


def _seconds(words: list[str], count: int) -> float:
    seconds, found = result_of(words)
    if found != count:
        msg = f"{words[2]} read {found} of {count} records"
        raise RuntimeError(msg)
    return float(seconds)


def _shown(seconds: list[float]) -> str:
    return f"{min(seconds) * 1000:.1f} ({statistics.median(seconds) * 1000:.1f})"
