"""What the reports of the benchmarks hold, as figures that can be followed from run to run."""

from __future__ import annotations

import math
import re
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from run_all_history import Better, Figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Report = dict[str, Any]  # Any: JSON values
RATE_UNIT: Final = re.compile(r"/s$|(^| )a second$|^% of them$|^hit %$")


@dataclass(frozen=True, slots=True)
class Followed:
    """What is followed of a free table.

    Attributes:
        names: The columns that name a row.
        figures: The columns that hold figures, with their units.
        whose: The column that says whose a row is, if others have rows too.
    """

    names: tuple[str, ...]
    figures: Mapping[str, str]
    whose: str = ""


# Tables that only say whether something held are left out.
FOLLOWED: Final = {
    "Three processes on one file, 1 KB, 90 % reads": Followed(
        ("case",),
        {"operations/s": "operations/s", "read p50 us": "us", "write p50 us": "us"},
        whose="case",
    ),
    "Hit ratio of the memory store (SIEVE), per cent": Followed(
        ("stream", "entries"), {"ours": "hit %"}
    ),
    "Bytes of resident memory per entry": Followed(("value",), {"bytes": "bytes"}, whose="cache"),
    "Outgoing calls answered from mocks": Followed(
        ("calls", "client", "mocks"), {"ours": "calls/s", "server CPU us a call": "us"}
    ),
    "Record proxy, small JSON": Followed(
        ("way",),
        {"requests/s c=1": "requests/s", "requests/s c=16": "requests/s"},
        whose="way",
    ),
    "Streams while recording": Followed(("way",), {"p50 ms": "ms", "p95 ms": "ms"}, whose="way"),
    "Loading a mock set": Followed(
        ("mocks", "cache"), {"ours, ready to answer": "ms", "ours, read only": "ms"}
    ),
    "Loading tests": Followed(("tests", "cache"), {"ours": "ms"}),
}


# What core calls rows in tables of their own, as they are called where no table tells.
IN_FULL: Final = {
    "an observer that does nothing": "a >> b >> c, an observer that does nothing",
    "an observer that times each step": "a >> b >> c, an observer that times each step",
    "each branch waits": "a | b | c, each branch waits",
    "no branch waits": "a | b | c, no branch waits",
    "per item": "map, per item",
    "per chunk": "stream through two stages, per chunk",
}


def from_tables(report: Report) -> Iterator[Figure]:
    """Read what cache, resilience and keploy print: tables by part."""
    for part, tables in report["parts"].items():
        for table in tables:
            yield from from_rows(f"{part}: {table['title']}", table["cases"])
            yield from _from_records(part, table)


def from_cases(report: Report) -> Iterator[Figure]:
    """Read what core prints: timed rows."""
    rows: list[Report] = report["cases"]
    return from_rows("", [row | {"case": IN_FULL.get(row["case"], row["case"])} for row in rows])


def from_rows(title: str, rows: Iterable[Report]) -> Iterator[Figure]:
    """Read timed rows: nanoseconds, and how often the floor went into them.

    The floor was measured in turns with the case, so that a busy machine moves the ratio less.
    """
    before = f"{title}: " if title else ""
    for row in rows:
        case, count = f"{before}{row['case']}", row.get("n")
        yield Figure(case, "ns", row["ours_ns"], row["ours_median_ns"], count)
        yield Figure(f"{case}, over {row['floor']}", "x", row["ratio"], row["ratio"], count)


def from_findings(report: Report) -> Iterator[Figure]:
    """Read what observability and lint write."""
    for each in report["findings"]:
        median, unit = each["median"], each["unit"]
        case = f"{each['measure']}: {each.get('series') or each['case']}"
        middle = each["ours"] if median is None else median
        yield Figure(case, unit, each["ours"], middle, better=_better(unit))


def from_pip_and_uv(report: Report) -> Iterator[Figure]:
    """Read what uv_vs_pip prints: seconds of each round."""
    for each in report["cases"]:
        for tool in ("uv", "pip"):
            taken = tuple(each[tool])
            best, middle = min(taken), statistics.median(taken)
            yield Figure(f"{each['title']}, {tool}", "s", best, middle, len(taken), taken)


def from_instructions(report: Report) -> Iterator[Figure]:
    """Read what instructions prints."""
    for each in report["cases"]:
        if each["counted"] is not None:
            count = each["counted"]
            yield Figure(each["case"], "instructions", count, count, 1)


def _better(unit: str) -> Better:
    return "more" if RATE_UNIT.search(unit) else "less"


def _from_records(part: str, table: Report) -> Iterator[Figure]:
    if table["title"] == "`keploy test`":
        yield from _runs(part, table["records"])
        return
    followed = FOLLOWED.get(table["title"])
    if followed is None:
        return
    for record in table["records"]:
        if followed.whose and not str(record[followed.whose]).startswith("ours"):
            continue
        words = ", ".join(str(record[name]) for name in followed.names)
        for column, unit in followed.figures.items():
            found = _best_and_median(record.get(column))
            if found is not None:
                case = f"{part}: {table['title']}: {words}: {column}"
                yield Figure(case, unit, *found, better=_better(unit))


def _runs(part: str, records: Iterable[Report]) -> Iterator[Figure]:
    for record in records:
        what, _, unit = record["what"].rpartition(", ")
        is_rate = unit != "s"
        case, unit = (record["what"], "tests/s") if is_rate else (what, unit)
        best, middle = record["least or best"], record["median"]
        yield Figure(f"{part}: {case}", unit, best, middle, better=_better(unit))


def _best_and_median(value: object) -> tuple[float, float] | None:
    """Return both numbers of a cell: a number is both, text is the best (the median)."""
    if isinstance(value, int | float):
        return (float(value), float(value)) if math.isfinite(value) else None
    found = re.fullmatch(r"([\d.,]+)(?: \(([\d.,]+)\))?", str(value).strip())
    if found is None:
        return None
    best = float(found[1].replace(",", ""))
    return best, float((found[2] or found[1]).replace(",", ""))
