"""The page of a history: what changed first, then every series, in one file without scripts."""

from __future__ import annotations

import itertools
from html import escape
from typing import TYPE_CHECKING, Final

from run_all_chart import chart, number, percent
from run_all_steps import BAND, FALSE_ALARMS, LEAST_RUNS, SMALLEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from run_all_series import Change, Series

STYLE: Final = """\
:root { color-scheme: light dark; --paper: #fff; --ink: #1a1a1a; --faint: #5f6368; --grid: #dadce0;
  --line: #1558b0; --band: #1558b022; --worse: #b3261e; --better: #146c2e; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181c; --ink: #e8eaed; --faint: #a8adb3;
  --grid: #3c4043; --line: #8ab4f8; --band: #8ab4f82e; --worse: #f2b8b5; --better: #81c995; } }
body { background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif;
  margin: 0 auto; max-width: 64rem; padding: 1rem; }
h1, h2 { line-height: 1.25; }
a { color: var(--line); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid var(--grid); padding: .3rem .8rem .3rem 0; text-align: left;
  vertical-align: top; }
.number { text-align: right; white-space: nowrap; }
.commit { white-space: nowrap; }
.charts { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fill,
  minmax(min(100%, 26rem), 1fr)); }
figure { break-inside: avoid; margin: 0; }
figcaption { overflow-wrap: anywhere; }
small, .note { color: var(--faint); }
svg { display: block; height: auto; width: 100%; }
svg text { fill: var(--ink); font-size: 13px; }
svg .end { text-anchor: end; }
svg .grid { stroke: var(--grid); }
svg .band { fill: var(--band); }
svg .median { fill: none; stroke: var(--line); stroke-width: 1.5; }
svg .run { fill: var(--line); }
svg .best { stroke: var(--faint); stroke-width: 1.5; }
svg .mark { stroke-dasharray: 4 3; stroke-width: 1.5; }
svg line.worse { stroke: var(--worse); }
svg line.better { stroke: var(--better); }
.worse, svg text.worse { color: var(--worse); fill: var(--worse); font-weight: 600; }
.better, svg text.better { color: var(--better); fill: var(--better); font-weight: 600; }
@media print { :root { --paper: #fff; --ink: #000; --faint: #444; --grid: #bbb; --line: #1558b0;
  --band: #1558b022; --worse: #b3261e; --better: #146c2e; } body { max-width: none; padding: 0; } }
"""
HOW: Final = f"""\
<p>Dots are medians of runs, the line goes through the median of each commit, and the short strokes
are the best of each commit. Heights do not begin at nothing. The shaded band is the noise:
{BAND:g} standard deviations to each side of the median, by the median absolute deviation of the
runs; fewer than {LEAST_RUNS} have none.</p>
<p>A change is marked where the figures before and after differ more than in ninety-nine of a
hundred shuffles of the same runs, and the median leaves the band and moves by {SMALLEST:.0%} or
more. It needs {LEAST_RUNS} runs on each side that lie outside the band of the other, and about ten
runs in all. Of series in which nothing
changed, at most {FALSE_ALARMS:.0%} get a mark; more where the machine itself became slower for
days, which no test can tell from a change. A mark names the first commit that was measured with the
new figure: the cause is there or in a commit before it that was not measured.</p>
<p>Only runs on one machine, with one Python and of the same length are compared. Cases that divide
a time by a floor, measured in turns, depend least on what else the machine does.</p>
"""


# Nothing is fetched and nothing runs, whatever the name of a case holds.
POLICY: Final = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>"
)


def page(series: list[Series]) -> str:
    """Return the page of *series*; the same for the same history, whenever it is made."""
    names = {each: f"case-{place}" for place, each in enumerate(series, 1)}
    runs = [run for each in series for run in each.runs]
    commits = len({run.commit for run in runs})
    told = [f"{len(runs)} figures of {commits} commit{'s' if commits != 1 else ''}"]
    if runs:
        days = sorted({run.when[:10] for run in runs})
        last = f" to {days[-1]}" if len(days) > 1 else ""
        told.append(f"measured {'from' if last else 'on'} {days[0]}{last}")
    machines = {each.machine for each in series}
    alone = [f"<p>All on {each.identity}: {escape(str(each))}.</p>" for each in machines]
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8"/>',
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
        POLICY,
        "<title>Benchmarks over time</title>",
        f"<style>\n{STYLE}</style>",
        "</head>",
        "<body>",
        "<h1>Benchmarks over time</h1>",
        f"<p>{', '.join(told)}.</p>",
        *(alone if len(machines) == 1 else []),
        "<h2>Changes</h2>",
        *_changes([change for each in series for change in each.changes], names, commits),
        *itertools.chain.from_iterable(
            _benchmark(name, list(group), names, tells_machine=len(machines) > 1)
            for name, group in itertools.groupby(series, key=lambda each: each.benchmark)
        ),
        "<h2>How to read this</h2>",
        HOW.rstrip(),
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _changes(changes: list[Change], names: dict[Series, str], commits: int) -> Iterator[str]:
    if not changes:
        few = ": one commit has been measured, and a change lies between two" * (commits == 1)
        yield f"<p>No step was found{few}.</p>"
        return
    yield '<div class="wide"><table>'
    yield '<tr><th class="number">change</th><th>case</th><th class="number">from</th>'
    yield '<th class="number">to</th><th>first seen in</th><th>machine</th></tr>'
    # The newest first, and of one commit the largest.
    for change in sorted(changes, key=lambda each: (each.commit, abs(each.part)), reverse=True):
        series, kind = change.series, "worse" if change.is_worse else "better"
        where = f"{series.benchmark}: {series.case}"
        unit = escape(series.unit)
        cells = [
            f'<td class="number {kind}">{percent(change.part)}, {kind}</td>',
            f'<td><a href="#{names[series]}">{escape(where)}</a></td>',
            f'<td class="number">{number(change.before.median)} {unit}</td>',
            f'<td class="number">{number(change.after.median)} {unit}</td>',
            f'<td class="commit">{escape(str(change.commit))}, {change.commit.date[:10]}</td>',
            f"<td>{series.machine.identity}</td>",
        ]
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</table></div>"


def _benchmark(
    name: str, series: list[Series], names: dict[Series, str], *, tells_machine: bool
) -> Iterable[str]:
    yield f"<h2>{escape(name)}</h2>"
    yield '<div class="charts">'
    for each in series:
        kind = ", quick runs" if each.quick else ""
        machine = f"<br/>{each.machine.identity}: {escape(str(each.machine))}"
        yield f'<figure id="{names[each]}">'
        yield (
            f"<figcaption>{escape(each.case)} <small>({escape(each.unit)}, {each.better} is "
            f"better{kind}){machine if tells_machine else ''}</small>"
            "</figcaption>"
        )
        yield chart(each)
        yield "</figure>"
    yield "</div>"
