"""The history of figures: one JSON object a line, appended and never changed."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from run_all_place import Commit, Machine

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SCHEMA: Final = 1
Better = Literal["less", "more"]


class HistoryError(Exception):
    """A history cannot be read."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that a benchmark measured.

    Attributes:
        case: What was done; the same text in every run.
        unit: Of all numbers here.
        best: The least or the most that was seen, or the only figure.
        median: The median, or the only figure.
        count: How many were measured; None where the benchmark does not tell.
        samples: Each of them, where the benchmark tells.
        better: Whether less or more of it is wanted.
    """

    case: str
    unit: str
    best: float
    median: float
    count: int | None = None
    samples: tuple[float, ...] = ()
    better: Better = "less"


@dataclass(frozen=True, slots=True)
class Record:
    """A figure, and what has to be known of it.

    Attributes:
        benchmark: Whose figure.
        figure: What it measured.
        commit: What was measured.
        machine: What it ran on.
        when: When the run ended, in UTC.
        quick: Whether it did less of everything, and is compared with its like only.
    """

    benchmark: str
    figure: Figure
    commit: Commit
    machine: Machine
    when: str
    quick: bool = False


def append(path: Path, records: Iterable[Record]) -> None:
    """Add *records* to the history at *path*, which is begun where there is none.

    All go out in one write, so that two runs at once do not mix their lines.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(_object(each), ensure_ascii=False) + "\n" for each in records)
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                text = f"\n{text}"  # a run that was killed left half a line, which stays its own
        file.write(text.encode())


def _object(record: Record) -> dict[str, Any]:  # Any: JSON values
    figure, commit, machine = record.figure, record.commit, record.machine
    found: dict[str, Any] = {  # Any: JSON values
        "schema": SCHEMA,
        "benchmark": record.benchmark,
        "case": figure.case,
        "unit": figure.unit,
        "better": figure.better,
        "best": figure.best,
        "median": figure.median,
        "n": figure.count,
        "quick": record.quick,
        "when": record.when,
        "commit": {"id": commit.identity, "date": commit.date, "changed": commit.changed},
        "machine": {
            "cpu": machine.cpu,
            "cores": machine.cores,
            "python": machine.python,
            "system": machine.system,
        },
    }
    return found | ({"samples": list(figure.samples)} if figure.samples else {})


def read(path: Path) -> list[Record]:
    """Return every record of the history at *path*, in its order.

    Raises:
        HistoryError: There is none, or a line is no record this script knows.
    """
    try:
        # Not splitlines: a name may hold what Unicode calls the end of a line.
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError as error:
        raise HistoryError(f"{path} does not exist; begin it by running a benchmark") from error
    except UnicodeDecodeError as error:
        raise HistoryError(f"{path} is not UTF-8: {error.reason}; restore it") from error
    except OSError as error:
        because = (error.strerror or str(error)).lower()
        raise HistoryError(f"{path} cannot be read: {because}; name a file") from error
    return [
        _record(f"{path}:{number}", line) for number, line in enumerate(lines, 1) if line.strip()
    ]


def _record(place: str, line: str) -> Record:
    try:
        found = cast("dict[str, Any]", json.loads(line))  # Any: JSON values
        if found["schema"] != SCHEMA:
            newer = f"{place} has schema {found['schema']!r}, this script knows {SCHEMA}"
            raise HistoryError(f"{newer}; use the script that wrote it")
        commit, machine = found["commit"], found["machine"]
        return Record(
            benchmark=str(found["benchmark"]),
            figure=_figure(found),
            commit=Commit(str(commit["date"]), str(commit["id"]), bool(commit["changed"])),
            machine=Machine(
                str(machine["cpu"]),
                int(machine["cores"]),
                str(machine["python"]),
                str(machine["system"]),
            ),
            when=str(found["when"]),
            quick=bool(found["quick"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        because = f"{type(error).__name__}: {error}"
        raise HistoryError(f"{place} is no record ({because}); delete the line") from error


def _figure(found: dict[str, Any]) -> Figure:  # Any: JSON values
    best, median = float(found["best"]), float(found["median"])
    if not (math.isfinite(best) and math.isfinite(median)):
        raise ValueError(f"{best} and {median} are to be finite")
    better = found["better"]
    if better not in ("less", "more"):
        raise ValueError(f"better is less or more, not {better!r}")
    return Figure(
        case=str(found["case"]),
        unit=str(found["unit"]),
        best=best,
        median=median,
        count=None if found["n"] is None else int(found["n"]),
        samples=tuple(map(float, found.get("samples", ()))),
        better=better,
    )
