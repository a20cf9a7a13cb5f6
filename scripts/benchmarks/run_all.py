"""Runs every benchmark, keeps what it measured, and draws how it went over time.

    uv run python scripts/benchmarks/run_all.py [--only NAME ...] [--quick] [--rounds N]
        [--history FILE] [--page DIR] [--no-run] [--list]

Each figure becomes a line of the history, with the commit and the machine. All of them take about
half an hour, with `--quick` ten minutes. A change is told from noise only after about ten runs, so
`--rounds 3` on each commit tells more, sooner. `--no-run` measures nothing and draws only. Exit
codes: 0 all measured, 1 a benchmark failed and the others went on, 2 misuse.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from run_all_benchmarks import BENCHMARKS, SCRIPTS, BenchmarkFailedError, measure
from run_all_history import HistoryError, Record, append, read
from run_all_page import page
from run_all_place import Commit, PlaceError, commit_of, this_machine
from run_all_series import series_of

ROOT = Path(__file__).resolve().parents[2]
HISTORY = ROOT / ".tta/benchmarks/history.jsonl"


def run(names: list[str], commit: Commit, chosen: argparse.Namespace, scripts: Path) -> int:
    """Run the benchmarks named, and append what each measured as soon as it ends."""
    failed: list[str] = []
    rounds: int = chosen.rounds
    for turn in range(rounds):
        for name in names:
            began = time.monotonic()
            print(f"{turn + 1}/{rounds} {name} ...", file=sys.stderr, flush=True)
            try:
                figures = measure(BENCHMARKS[name], quick=chosen.quick, scripts=scripts)
            except BenchmarkFailedError as error:
                print(f"{name} failed: {error}", file=sys.stderr, flush=True)
                failed.append(name)
                continue
            when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            machine = this_machine()
            append(
                chosen.history,
                [Record(name, each, commit, machine, when, chosen.quick) for each in figures],
            )
            took = time.monotonic() - began
            print(f"{name}: {len(figures)} figures in {took:.0f} s", flush=True)
    if failed:
        print(f"failed: {', '.join(dict.fromkeys(failed))}", file=sys.stderr)
    return 1 if failed else 0


def find_places(chosen: argparse.Namespace) -> None:
    """Find what cannot be read or written now, and not after half an hour."""
    try:
        read(chosen.history)
    except HistoryError as error:
        if chosen.no_run or not isinstance(error.__cause__, FileNotFoundError):
            raise
        chosen.history.parent.mkdir(parents=True, exist_ok=True)
    if chosen.page is not None:
        chosen.page.mkdir(parents=True, exist_ok=True)


def draw(history: Path, folder: Path) -> None:
    """Write the page of *history* into *folder*, which is there."""
    target = folder / "index.html"
    part = target.with_name(f".{target.name}.{os.getpid()}")
    part.write_text(page(series_of(read(history))), encoding="utf-8")
    part.replace(target)
    print(target)


def main(arguments: list[str] | None = None, *, scripts: Path = SCRIPTS) -> int:
    """Do what was asked for.

    Args:
        arguments: Those of the process, where None.
        scripts: The folder of the benchmarks.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", choices=BENCHMARKS, help="this one; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="less of everything, for a look")
    parser.add_argument("--rounds", type=int, default=1, help="how often each is run (1)")
    parser.add_argument("--history", type=Path, default=HISTORY, metavar="FILE", help="%(default)s")
    parser.add_argument("--page", type=Path, metavar="DIR", help="write index.html there")
    parser.add_argument("--no-run", action="store_true", help="measure nothing; needs --page")
    parser.add_argument("--list", action="store_true", help="say which there are")
    chosen = parser.parse_args(arguments)
    if chosen.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {chosen.rounds}")
    if chosen.no_run and chosen.page is None:
        parser.error("--no-run draws only; say where by --page DIR")
    if chosen.list:
        for name, benchmark in BENCHMARKS.items():
            most = f"at most {benchmark.seconds / 60:g} minutes"
            print(f"{name}: {benchmark.what} ({benchmark.script}, {most})")
        return 0
    try:
        find_places(chosen)
        code = 0
        if not chosen.no_run:
            names: list[str] = chosen.only or list(BENCHMARKS)
            code = run(names, commit_of(ROOT), chosen, scripts)
        if chosen.page is not None:
            draw(chosen.history, chosen.page)
    except (HistoryError, PlaceError) as error:
        print(str(error), file=sys.stderr)
        return 2
    except OSError as error:
        because = (error.strerror or str(error)).lower()
        print(f"cannot use {error.filename}: {because}; name another place", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
