"""pip and uv at the same work, on the development group of this workspace.

    uv run python scripts/benchmarks/uv_vs_pip.py [--rounds N] [--only CASE ...] [--json]
        [--page docs/benchmarks] [--quick]

Every command starts without the settings of the user, in a folder that is removed afterwards. A
round takes about four minutes and downloads the set from the network a dozen times; `--quick` takes
two small packages, once, in a few seconds. Exit codes: 0 measured, 2 misuse, or a command failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from timing import machine
from uv_vs_pip_cases import (
    CASES,
    Case,
    Command,
    Place,
    Trial,
    interpreter,
    new_environment,
    pip_install,
    uv_install,
)
from uv_vs_pip_page import Measured, Report, chart, conditions, page, table
from uv_vs_pip_set import committed_tree, direct_requirements, export_command, keep_only, unpack

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("pip", "uv")
SMALL = frozenset({"h11", "packaging"})
# A command that takes longer than this, in seconds, hangs.
LONGEST = 600.0


class BenchmarkError(Exception):
    """A command that had to work did not."""


def environment_for(folder: Path) -> dict[str, str]:
    """Return this process's environment without what steers pip, uv or Python.

    Args:
        folder: An empty one, where settings are looked for instead of in the user's.
    """
    private = ("UV_", "PIP_", "PYTHON", "VIRTUAL_ENV", "CONDA_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    if "PIP_CERT" in os.environ:
        kept["PIP_CERT"] = os.environ["PIP_CERT"]
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return kept | settings | {"UV_PYTHON_DOWNLOADS": "never", "XDG_CONFIG_HOME": str(folder)}


class Session:
    """One run of the benchmark, in a temporary folder that the caller removes."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder = folder
        self.environment = environment_for(folder / "settings")
        self.pinned, self.loose = folder / "pinned.txt", folder / "loose.txt"
        self.run(tuple(export_command(self.pinned)), ROOT)
        if quick:
            keep_only(self.pinned, SMALL)
        wanted = sorted(SMALL) if quick else direct_requirements(ROOT)
        self.loose.write_text("".join(f"{line}\n" for line in wanted), encoding="utf-8")

    def run(self, command: Command, folder: Path) -> str:
        """Run *command* in *folder* and return what it printed."""
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            message = f"{' '.join(command[:5])} took more than {LONGEST:g}s"
            raise BenchmarkError(message) from error
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()[-5:]
            failed = f"{' '.join(command[:5])} ended with {done.returncode}"
            raise BenchmarkError(f"{failed}: {' / '.join(said)}")
        return done.stdout

    def run_all(self, commands: tuple[Command, ...], folder: Path) -> None:
        """Run *commands* in *folder*, one after the other."""
        for command in commands:
            self.run(command, folder)

    def place(self, tool: str, folder: Path) -> Place:
        """Return where a trial of *tool* happens."""
        return Place(
            folder=folder,
            full=self.folder / f"full-{tool}",
            warm_cache=self.folder / f"warm-{tool}",
            seed_cache=self.folder / "seed",
            pinned=self.pinned,
            loose=self.loose,
        )

    def fill(self, tool: str) -> None:
        """Fill the warm cache of *tool* and the environment that has everything."""
        place = self.place(tool, self.folder)
        install = pip_install if tool == "pip" else uv_install
        self.run_all(new_environment(place.full, tool, place), self.folder)
        command = install(place.full, place.warm_cache, bytecode=False)
        self.run((*command, "-r", str(self.pinned)), self.folder)

    def time(self, case: Case, tool: str, tree: bytes) -> float:
        """Run one trial in a folder of its own and return the seconds of what is timed."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            place = self.place(tool, Path(name) / "work")
            place.folder.mkdir()
            if case.needs_tree:
                unpack(tree, place.folder)
            trial: Trial = case.pip(place) if tool == "pip" else case.uv(place)
            self.run_all(trial.before, place.folder)
            began = time.perf_counter()
            self.run_all(trial.timed, place.folder)
            return time.perf_counter() - began

    def pip_version(self) -> str:
        """Return the version of the pip that fresh environments get."""
        place = self.place("pip", self.folder)
        probe = self.folder / "probe"
        self.run_all(new_environment(probe, "pip", place), self.folder)
        return self.run((interpreter(probe), "-m", "pip", "--version"), self.folder).split()[1]


def measure(cases: list[Case], *, rounds: int, quick: bool) -> Report:
    """Run *cases* in turns, *rounds* times, and return what they took."""
    samples: dict[str, dict[str, list[float]]] = {c.name: {t: [] for t in TOOLS} for c in cases}
    with tempfile.TemporaryDirectory(prefix="uv-and-pip-") as name:
        session = Session(Path(name), quick=quick)
        tree = committed_tree(ROOT) if any(case.needs_tree for case in cases) else b""
        if any(case.needs_full for case in cases):
            for tool in TOOLS:
                session.fill(tool)
        for number in range(rounds):
            for case in cases:
                for tool in TOOLS if number % 2 == 0 else reversed(TOOLS):
                    seconds = session.time(case, tool, tree)
                    samples[case.name][tool].append(seconds)
                    progress = f"{number + 1}/{rounds} {case.name} {tool} {seconds:.2f} s"
                    print(progress, file=sys.stderr, flush=True)
        lines = session.pinned.read_text(encoding="utf-8").splitlines()
        commit = session.run(("git", "rev-parse", "--short=10", "HEAD"), ROOT).strip()
        return Report(
            machine=machine(),
            date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            commit=commit,
            pip=session.pip_version(),
            uv=session.run(("uv", "--version"), ROOT).split()[1],
            packages=sum("==" in line for line in lines),
            rounds=rounds,
            cases=[
                Measured(case.name, case.title, **{t: samples[case.name][t] for t in TOOLS})
                for case in cases
            ],
        )


def write_whole(path: Path, text: str) -> None:
    """Write *text* to *path* so that nobody sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; what is wrong with it ends the program with 2."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case (3)")
    parser.add_argument("--only", action="append", choices=CASES, help="this case; may be repeated")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--page", type=Path, help="write uv-and-pip.md and uv-and-pip.svg here")
    parser.add_argument("--quick", action="store_true", help="a smoke run: two packages, one round")
    chosen = parser.parse_args(arguments)
    if chosen.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {chosen.rounds}")
    if chosen.quick and chosen.page:
        parser.error("--quick measures nothing worth a page; leave out --page")
    only: list[str] | None = chosen.only
    if chosen.quick and any(CASES[name].needs_tree for name in only or ()):
        parser.error("--quick has no set for the quality check; leave out --quick")
    return chosen


def main(arguments: list[str] | None = None) -> int:
    """Measure what was asked for, print it, and write the page."""
    chosen = parsed(arguments)
    for program in ("uv", "git"):
        if shutil.which(program) is None:
            print(f"{program} is not on PATH; install it first", file=sys.stderr)
            return 2
    only: list[str] | None = chosen.only
    names = only or list(CASES)
    cases = [CASES[name] for name in names if not (chosen.quick and CASES[name].needs_tree)]
    try:
        report = measure(cases, rounds=1 if chosen.quick else chosen.rounds, quick=chosen.quick)
    except (BenchmarkError, subprocess.SubprocessError, OSError) as error:
        print(f"could not measure: {error}", file=sys.stderr)
        return 2
    if chosen.json:
        print(json.dumps(dataclasses.asdict(report)))
    else:
        print(conditions(report), table(report), sep="\n\n")
    if chosen.page:
        write_whole(chosen.page / "uv-and-pip.md", page(report))
        write_whole(chosen.page / "uv-and-pip.svg", chart(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
