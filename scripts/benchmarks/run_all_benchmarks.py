"""Which benchmarks there are, and how one is run and read."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent))

from bounded_process import TookTooLongError, run_bounded
from run_all_figures import (
    from_cases,
    from_findings,
    from_instructions,
    from_pip_and_uv,
    from_tables,
)
from run_all_history import Figure

SCRIPTS: Final = Path(__file__).parent
MINUTE: Final = 60.0
# Stands for a file that a script writes its report to; where it is missing, the report is printed.
REPORT: Final = "{report}"
Reading = Callable[[dict[str, Any]], Iterator[Figure]]  # Any: JSON values


class BenchmarkFailedError(Exception):
    """A benchmark gave no figures."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One script.

    Attributes:
        script: Its file.
        what: What it measures, in a few words.
        arguments: What it is given for its report.
        quick: What it is given besides to do less of everything.
        seconds: The longest it may take; half of it, if quick.
        read: Takes the figures from its report.
        fine: Exit codes with which the report is there.
    """

    script: str
    what: str
    arguments: tuple[str, ...]
    quick: tuple[str, ...]
    seconds: float
    read: Reading
    fine: tuple[int, ...] = (0,)


BENCHMARKS: Final = {
    "instructions": Benchmark(
        "instructions.py",
        "instructions of the hot paths",
        ("check", "--json"),
        (),
        8 * MINUTE,
        from_instructions,
        fine=(0, 1),  # a budget that does not hold has been measured
    ),
    "core": Benchmark(
        "core.py", "composition", ("--json",), ("--batches", "8"), 10 * MINUTE, from_cases
    ),
    "cache": Benchmark(
        "cache.py", "the cache", ("--json",), ("--batches", "8"), 15 * MINUTE, from_tables
    ),
    "resilience": Benchmark(
        "resilience.py",
        "retry, timeout and the rest; composition is that of core",
        (
            *("--json", "--only", "policies", "--only", "pipeline"),
            *("--only", "cancellation", "--only", "imports"),
        ),
        ("--quick",),
        10 * MINUTE,
        from_tables,
    ),
    "observability": Benchmark(
        "observability.py",
        "what it costs to watch",
        ("--json", REPORT),
        ("--quick",),
        20 * MINUTE,
        from_findings,
    ),
    "keploy": Benchmark(
        "keploy.py",
        "recording and replaying",
        ("--json",),
        ("--quick",),
        25 * MINUTE,
        from_tables,
    ),
    "lint": Benchmark(
        "lint.py",
        "the linter",
        ("--only", "speed", "--json", REPORT),
        ("--quick",),
        15 * MINUTE,
        from_findings,
    ),
    "uv-and-pip": Benchmark(
        "uv_vs_pip.py",
        "installing this workspace",
        ("--json",),
        ("--quick",),
        40 * MINUTE,
        from_pip_and_uv,
    ),
}


def measure(benchmark: Benchmark, *, quick: bool, scripts: Path = SCRIPTS) -> list[Figure]:
    """Run *benchmark* in a process of its own and return what it measured.

    Args:
        benchmark: Which.
        quick: Whether it does less of everything.
        scripts: The folder of its script.

    Raises:
        BenchmarkFailedError: It failed, took too long, or reported nothing that can be read.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        report = Path(name) / "report.json"
        words = [*benchmark.arguments, *(benchmark.quick if quick else ())]
        words = [str(report) if word == REPORT else word for word in words]
        try:
            ended = run_bounded(
                [sys.executable, str(scripts / benchmark.script), *words],
                seconds=benchmark.seconds / 2 if quick else benchmark.seconds,
            )
        except TookTooLongError as error:
            raise BenchmarkFailedError(str(error)) from error
        said = (ended.errors.strip().splitlines() or ["it said nothing"])[-1]
        if ended.code not in benchmark.fine:
            raise BenchmarkFailedError(f"it ended with {ended.code}: {said}")
        text = report.read_text(encoding="utf-8") if report.is_file() else ended.told
    if not text.strip():
        raise BenchmarkFailedError(f"it reported nothing: {said}")
    return _figures(benchmark, text)


def _figures(benchmark: Benchmark, text: str) -> list[Figure]:
    try:
        found: dict[tuple[str, str], Figure] = {}
        for figure in benchmark.read(json.loads(text)):
            # A case told again stands beside another library; ours is the same as before.
            found.setdefault((figure.case, figure.unit), figure)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        because = f"{type(error).__name__}: {error}"
        raise BenchmarkFailedError(f"its report is not as it was: {because}") from error
    if not found:
        raise BenchmarkFailedError("its report has no figures")
    return list(found.values())
