"""What `keploy test` costs over the app's own time, and how fast the command starts."""

from __future__ import annotations

import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache_tables import Table
from keploy_data import write_tests
from keploy_goals import Goal, verdict
from keploy_processes import PROGRAM_SECONDS, free_port, program, quiet_environment

if TYPE_CHECKING:
    from keploy_environments import Peers
    from keploy_goals import Amounts

RATE = Goal(200, "at least", "tests/s")
READY = Goal(0.3, "at most", "s")
HELP = Goal(0.3, "at most", "s")
KEPLOY = [sys.executable, "-m", "keploy_framework"]


def tables(amounts: Amounts, peers: Peers) -> list[Table]:
    """Replay a small and a large set in turns, and start the command."""
    del peers  # there is none to compare with: upstream sleeps for a fixed time
    return [_replays(amounts), _starts(amounts)]


def _replays(amounts: Amounts) -> Table:
    with tempfile.TemporaryDirectory() as name:
        one, many = (
            _Replay(Path(name) / str(count), count, free_port()) for count in (1, amounts.tests)
        )
        for _ in range(amounts.rounds):
            for replay in (one, many):
                replay.run()
    marginal = (many.count - one.count) / (min(many.seconds) - min(one.seconds))
    records: list[dict[str, Any]] = []  # Any: JSON values
    record: dict[str, Any] = {  # Any: JSON values
        "what": f"tests a second, {many.count} tests in order",
        "least or best": marginal,
        "median": (many.count - one.count)
        / (statistics.median(many.seconds) - statistics.median(one.seconds)),
    }
    records.append(verdict(record, "", RATE, marginal) | {"": RATE.verdict(marginal)})
    for what, values, goal in (
        ("the app listens until its first test, s", one.ready, READY),
        (f"the same with {many.count} tests, s", many.ready, None),
        ("the command until the app listens, s", one.listening, None),
        ("the whole run of one test, s", one.seconds, None),
    ):
        record = {"what": what, "least or best": min(values), "median": statistics.median(values)}
        record |= {"goal": "" if goal is None else str(goal)}
        records.append(record | {"": "" if goal is None else goal.verdict(min(values))})
    note = (
        "New processes each time, the cache of parsed files warm after the first. The app answers "
        "at once; tests a second is what a further test adds to the whole run, reports included."
    )
    return Table("`keploy test`", records=records, note=note)


class _Replay:
    """A set of tests of the fast app, replayed by the command as a user does."""

    def __init__(self, folder: Path, count: int, port: int) -> None:
        self.count = count
        self.seconds: list[float] = []
        self.ready: list[float] = []
        self.listening: list[float] = []
        self._folder = folder
        folder.mkdir()
        write_tests(folder / "keploy", count, port)
        self._told = folder / "told.txt"
        app = shlex.join(program("keploy_upstream.py", str(port), "--told", self._told))
        self._words = [*KEPLOY, "test", "-c", app, "--port", str(port), "--json"]
        self._environment = quiet_environment() | {"XDG_CACHE_HOME": str(folder / "cache")}

    def run(self) -> None:
        """Replay once.

        Raises:
            RuntimeError: Not every test passed.
        """
        self._told.unlink(missing_ok=True)
        began = time.monotonic_ns()
        ended = subprocess.run(
            self._words,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS,
            check=False,
        )
        self.seconds.append((time.monotonic_ns() - began) / 1e9)
        if ended.returncode or json.loads(ended.stdout)["counts"]["passed"] != self.count:
            said = (ended.stderr or ended.stdout).strip()[-300:]
            msg = f"keploy test ended with {ended.returncode}: {said}"
            raise RuntimeError(msg)
        listened, first = (int(line) for line in self._told.read_text().split())
        self.ready.append((first - listened) / 1e9)
        self.listening.append((listened - began) / 1e9)


def _starts(amounts: Amounts) -> Table:
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "keploy --help": [*KEPLOY, "--help"],
        "keploy test --help": [*KEPLOY, "test", "--help"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(amounts.starts + 1):  # the first may have to write bytecode
        for name, words in commands.items():
            began = time.perf_counter()
            subprocess.run(words, check=True, capture_output=True, timeout=60)
            taken[name].append(time.perf_counter() - began)
    records = [
        {
            "command": name,
            "s min": min(seconds),
            "s median": statistics.median(seconds),
            "goal": "" if name.startswith("python") else str(HELP),
            "": "" if name.startswith("python") else HELP.verdict(min(seconds)),
        }
        for name, seconds in taken.items()
    ]
    return Table("Start of the command", records=records)
