"""What the parts of the cache benchmark hand back: tables, and the options they get."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from timing import Row, print_markdown, row_record


@dataclass(frozen=True, slots=True)
class Options:
    """What a part is told.

    Attributes:
        batches: Batches per timed case.
        redis_url: A server that may be used, or None.
    """

    batches: int
    redis_url: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table: timed rows, or records whose keys are the columns.

    Attributes:
        title: The heading above it.
        rows: Timed rows.
        records: Anything else; the first record names the columns.
        note: A sentence below it: how to read it, or why it is empty.
    """

    title: str
    rows: list[Row] = field(default_factory=list[Row])
    records: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])  # Any: JSON values
    note: str = ""

    def record(self) -> dict[str, Any]:  # Any: JSON values
        """Return the table as `--json` prints it."""
        cases = [row_record(row) for row in self.rows]
        return {"title": self.title, "cases": cases, "records": self.records, "note": self.note}

    def print(self) -> None:
        """Print the table as Markdown."""
        print(f"## {self.title}\n")
        if self.rows:
            print_markdown(self.rows)
        if self.records:
            columns = list(self.records[0])
            print(f"| {' | '.join(columns)} |")
            print("|---" * len(columns) + "|")
            for record in self.records:
                print(f"| {' | '.join(_cell(record.get(column)) for column in columns)} |")
        if self.note:
            print(f"\n{self.note}")
        print(flush=True)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
