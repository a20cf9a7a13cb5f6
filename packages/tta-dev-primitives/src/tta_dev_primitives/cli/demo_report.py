"""The demo's comparison, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .report import dollars, milliseconds, plain_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from .demo_arms import Arm

_ROWS: Final[tuple[tuple[str, Callable[[Arm], str]], ...]] = (
    ("tickets", lambda arm: f"{arm.report.items:,}"),
    ("  failed", lambda arm: f"{arm.report.errors:,}"),
    ("model calls asked for", lambda arm: f"{arm.report.ledger.llm_calls:,}"),
    ("  answered from cache", lambda arm: f"{arm.report.ledger.cache_hits:,}"),
    ("requests sent", lambda arm: f"{arm.report.ledger.upstream_calls:,}"),
    ("  retries", lambda arm: f"{arm.report.ledger.retries:,}"),
    ("  timeouts", lambda arm: f"{arm.report.ledger.timeouts:,}"),
    ("fallbacks", lambda arm: f"{arm.report.ledger.fallbacks:,}"),
    ("tokens in", lambda arm: f"{arm.report.ledger.input_tokens:,}"),
    ("tokens out", lambda arm: f"{arm.report.ledger.output_tokens:,}"),
    ("quality (agrees with gold)", lambda arm: f"{arm.quality:.1%}"),
    ("cost", lambda arm: dollars(arm.cost)),
    ("latency p50 / p95", lambda arm: milliseconds(*arm.percentiles)),
    ("wall time", lambda arm: f"{arm.report.wall_seconds:.1f} s"),
)


def summary(provider: str, arm: Arm, baseline: Arm) -> dict[str, Any]:  # Any: JSON
    """Return the comparison as one JSON object; money is null where no price is known."""
    ledger = arm.report.ledger
    median, ninety_fifth = arm.percentiles
    return {
        "requests": arm.report.items,
        "llm_calls": ledger.llm_calls,
        "upstream_calls": ledger.upstream_calls,
        "cache_hits": ledger.cache_hits,
        "retries": ledger.retries,
        "fallbacks": ledger.fallbacks,
        "timeouts": ledger.timeouts,
        "errors": arm.report.errors,
        "quality": round(arm.quality, 4),
        "baseline_quality": round(baseline.quality, 4),
        "input_tokens": ledger.input_tokens,
        "output_tokens": ledger.output_tokens,
        "cost_usd": arm.cost,
        "baseline_cost_usd": baseline.cost,
        "p50_ms": median,
        "p95_ms": ninety_fifth,
        "wall_s": round(arm.report.wall_seconds, 3),
        "provider": provider,
    }


def comparison(provider: str, arm: Arm, baseline: Arm, repeat_share: float) -> RenderableType:
    """Return the comparison as a table for people."""
    from rich.console import Group
    from rich.text import Text

    table = plain_table("", "with primitives", "baseline")
    for label, value in _ROWS:
        table.add_row(label, value(arm), value(baseline))
    tickets = arm.report.items
    lines = [f"{provider} models, {tickets:,} tickets, {repeat_share:.0%} exact repeats"]
    if arm.cost is not None and baseline.cost:
        lines.append(f"cost {arm.cost / baseline.cost:.0%} of the baseline's")
    if baseline.quality:
        lines.append(f"quality {arm.quality / baseline.quality:.0%} of the baseline's")
    if baseline.report.wall_seconds:
        share = arm.report.wall_seconds / baseline.report.wall_seconds
        lines.append(f"time {share:.0%} of the baseline's")
    return Group(table, Text(", ".join(lines)))
