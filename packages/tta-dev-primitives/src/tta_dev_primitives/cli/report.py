"""The closing report of a job, for people and for programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from .job import JobReport


def job_summary(report: JobReport) -> dict[str, Any]:  # Any: JSON
    """Return the report as one JSON object; money is null where no price is known."""
    ledger = report.ledger
    unpriced = ledger.unpriced > 0
    return {
        "items": report.items,
        "errors": report.errors,
        "resumed": report.resumed,
        "llm_calls": ledger.llm_calls,
        "upstream_calls": ledger.upstream_calls,
        "cache_hits": ledger.cache_hits,
        "retries": ledger.retries,
        "fallbacks": ledger.fallbacks,
        "timeouts": ledger.timeouts,
        "input_tokens": ledger.input_tokens,
        "output_tokens": ledger.output_tokens,
        "cost_usd": None if unpriced else round(ledger.cost, 6),
        "cost_without_primitives_usd": None if unpriced else round(ledger.cost + ledger.saved, 6),
        "unpriced_answers": ledger.unpriced,
        "p50_ms": report.latencies.milliseconds(0.50),
        "p95_ms": report.latencies.milliseconds(0.95),
        "p99_ms": report.latencies.milliseconds(0.99),
        "wall_s": round(report.wall_seconds, 3),
        "interrupted": report.interrupted,
    }


def print_job_report(report: JobReport) -> None:
    """Print the report as a table on standard error, so that output on stdout stays clean."""
    from rich.console import Console

    summary = job_summary(report)
    table = plain_table("", "")
    for label, value in (
        ("items", f"{summary['items']:,}"),
        ("  failed", f"{summary['errors']:,}"),
        ("  from an earlier run", f"{summary['resumed']:,}"),
        ("model calls asked for", f"{summary['llm_calls']:,}"),
        ("  answered from cache", f"{summary['cache_hits']:,}"),
        ("requests sent", f"{summary['upstream_calls']:,}"),
        ("  retries", f"{summary['retries']:,}"),
        ("  timeouts", f"{summary['timeouts']:,}"),
        ("fallbacks", f"{summary['fallbacks']:,}"),
        ("tokens in / out", f"{summary['input_tokens']:,} / {summary['output_tokens']:,}"),
        ("cost", dollars(summary["cost_usd"])),
        ("  without the primitives, at least", dollars(summary["cost_without_primitives_usd"])),
        ("latency p50 / p95 / p99", milliseconds(*(summary[f"p{n}_ms"] for n in (50, 95, 99)))),
        ("wall time", f"{summary['wall_s']:.2f} s"),
    ):
        table.add_row(label, value)
    Console(file=sys.stderr).print(table)


def plain_table(*headings: str) -> Table:
    """Return a table in the one style that all commands use."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD if any(headings) else None, pad_edge=False)
    for position, heading in enumerate(headings):
        first = position == 0  # names, which are of no use when cut
        table.add_column(heading, justify="left" if first else "right", no_wrap=first)
    return table


def dollars(amount: float | None) -> str:
    """Return an amount for people to read; None is a price nobody knows."""
    return "unpriced" if amount is None else f"${amount:,.4f}"


def milliseconds(*values: float | None) -> str:
    """Return latencies for people to read."""
    shown = ["-" if value is None else f"{value:,.0f}" for value in values]
    return " / ".join(shown) + " ms"
