"""The page and the chart about pip and uv, from one report."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from html import escape

LEFT, WIDTH, ROW, TOP = 250, 560, 46, 58
COLOURS = {"pip": "#b45309", "uv": "#6d28d9"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What one case took, in seconds, in the order of the rounds."""

    name: str
    title: str
    pip: list[float]
    uv: list[float]

    @property
    def ratio(self) -> float:
        """How many times longer pip took, by the medians."""
        return statistics.median(self.pip) / statistics.median(self.uv)


@dataclass(frozen=True, slots=True)
class Report:
    """One run: the cases, and what has to be known to read them.

    Attributes:
        machine: What it ran on.
        date: The day, as year-month-day.
        commit: Whose lock gave the set.
        pip: The version.
        uv: The version.
        packages: How many the set has.
        rounds: How often each case ran.
        cases: In the order of the page.
    """

    machine: str
    date: str
    commit: str
    pip: str
    uv: str
    packages: int
    rounds: int
    cases: list[Measured]


def table(report: Report) -> str:
    """Return the figures as a Markdown table."""
    head = f"| case | n | pip {report.pip} min (median) | uv {report.uv} min (median) | pip / uv |"
    lines = [head, "|---|---|---|---|---|"]
    lines += [
        f"| {case.title} | {len(case.uv)} | {_cell(case.pip)} | {_cell(case.uv)} "
        f"| {case.ratio:.1f} x |"
        for case in report.cases
    ]
    return "\n".join(lines)


def _cell(samples: list[float]) -> str:
    return f"{_seconds(min(samples))} ({_seconds(statistics.median(samples))})"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def conditions(report: Report) -> str:
    """Return one line that says what was measured, where and when."""
    return (
        f"{report.machine}; {report.date}; commit {report.commit}; {report.packages} packages; "
        f"{report.rounds} {'round' if report.rounds == 1 else 'rounds'}"
    )


def page(report: Report) -> str:
    """Return the whole page."""
    return f"""\
# pip and uv on this workspace

How long pip and uv take for the same work: the development group of this workspace, with the
versions of its lock. This page is written by the command below, with whatever it measured.

<!-- syntax: downloads the set many times over and takes minutes -->
```sh
uv run python scripts/benchmarks/uv_vs_pip.py --rounds {report.rounds} --page docs/benchmarks
```

Measured on: {conditions(report)}.

{table(report)}

![Medians of pip and uv for each case, with the shortest and the longest run](uv-and-pip.svg)

## What each case is

- **cold install**: the pinned set into an empty environment, with an empty cache.
- **warm install**: the same, with a cache that has everything.
- **nothing to do**: the same, where everything is installed.
- **resolve**: versions for the unpinned requirements, by `install --dry-run`, with an empty cache.
- **lock**: a `pylock.toml` with hashes for this one platform and Python, by `pip lock` and by
  `uv pip compile`, with an empty cache.
- **quality check from nothing**: a checkout without an environment and with an empty cache. pip
  makes one with `venv`, brings pip up to date, installs the set and the three members; uv runs
  `uv sync --locked`. Then both run `ruff format --check`, `ruff check` and `lint-imports`. Neither
  compiles bytecode.

## How to read it

- pip compiles what it installs to bytecode and uv does not, each unless told otherwise. So every
  install is measured with bytecode on both sides (`uv pip install --compile-bytecode`) and on
  neither (`pip install --no-compile`). A comparison of the defaults would mix the two: somebody has
  to compile, at the latest at the first import.
- Environments are made before the clock starts, except in the quality check. pip runs inside the
  environment that it fills. Settings of the user and of the machine are left out for both tools.
- The two tools take turns, and each round begins with the other one, so a slow moment of the
  machine or of the network falls on both. With few rounds the minimum says more than the median.
- Cold cases include the network, resolving more than anything. Type checking and tests are left
  out of the quality check: they take the same time whoever filled the environment.
- With another set, machine or network the ratios are others. Measure yours before you quote them.
"""


def chart(report: Report) -> str:
    """Return the medians as an SVG picture, with a line from the shortest to the longest run."""
    longest = max(max(*case.pip, *case.uv) for case in report.cases)
    height = TOP + ROW * len(report.cases) + 34
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 110} {height}" '
            f'role="img" font-family="system-ui, sans-serif" font-size="14">'
        ),
        f"<title>pip {escape(report.pip)} and uv {escape(report.uv)}, seconds</title>",
        f"<desc>{escape(conditions(report))}</desc>",
        f'<rect width="{LEFT + WIDTH + 110}" height="{height}" fill="#ffffff"/>',
        (
            f'<text x="12" y="24" fill="#111827" font-weight="bold">Seconds, less is better '
            f"(median; the line is shortest to longest of {report.rounds})</text>"
        ),
    ]
    for index, (tool, colour) in enumerate(COLOURS.items()):
        x = LEFT + 90 * index
        version = report.pip if tool == "pip" else report.uv
        parts.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="45" fill="#111827">{tool} {escape(version)}</text>')
    for index, case in enumerate(report.cases):
        y = TOP + ROW * index
        parts.append(
            f'<text x="{LEFT - 10}" y="{y + 24}" text-anchor="end" fill="#111827">'
            f"{escape(case.title)}</text>"
        )
        parts += _bar("pip", case.pip, y + 4, longest)
        parts += _bar("uv", case.uv, y + 22, longest)
    small = f'<text x="12" y="{height - 12}" fill="#4b5563" font-size="11">'
    parts += [f"{small}{escape(conditions(report))}</text>", "</svg>"]
    return "\n".join(parts) + "\n"


def _bar(tool: str, samples: list[float], y: int, longest: float) -> list[str]:
    median = statistics.median(samples)
    width, least, most = (
        seconds / longest * WIDTH for seconds in (median, min(samples), max(samples))
    )
    middle = y + 7
    return [
        (
            f'<rect x="{LEFT}" y="{y}" width="{max(width, 1):.1f}" height="14" '
            f'fill="{COLOURS[tool]}"/>'
        ),
        (
            f'<line x1="{LEFT + least:.1f}" x2="{LEFT + most:.1f}" y1="{middle}" y2="{middle}" '
            f'stroke="#111827" stroke-width="2"/>'
        ),
        (
            f'<text x="{LEFT + max(most, width) + 8:.1f}" y="{y + 12}" fill="#111827">'
            f"{_seconds(median)}</text>"
        ),
    ]
