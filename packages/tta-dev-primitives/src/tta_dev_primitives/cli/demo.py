"""`tta demo`: the main job on real-looking tickets, with and without the primitives."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import sys
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.errors import ConfigurationError, MissingExtraError

from .demo_arms import Arm, run_arm
from .main import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from .report import dollars, milliseconds, plain_table
from .run import positive_int

if TYPE_CHECKING:
    import argparse
    from argparse import _SubParsersAction
    from collections.abc import Sequence

    from rich.console import RenderableType

    from tta_dev_primitives.demo.providers import Desk
    from tta_dev_primitives.demo.tickets import Ticket

PROVIDERS = ("simulated", "openai", "anthropic", "local")


def add_parser(commands: _SubParsersAction[Any]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "demo",
        help="watch an LLM workflow become cheaper, faster and dependable",
        description="Run support tickets through classify, answer and check: once with cache, "
        "router, timeout, retry and fallback against a server that fails on purpose, once with "
        "the largest model for everything and no faults. Without a key the models are simulated "
        "by a server on this machine.",
    )
    parser.add_argument("--provider", choices=PROVIDERS, default="simulated")
    parser.add_argument(
        "--tickets",
        type=positive_int,
        default=None,
        metavar="N",
        help="how many tickets (600 simulated, 20 with real models)",
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, another run (0)")
    parser.add_argument(
        "--concurrency", type=positive_int, default=None, metavar="N", help="tickets at once"
    )
    parser.add_argument("--trace", action="store_true", help="print the trace of one more ticket")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from rich.console import Console

    from tta_dev_primitives.demo.tickets import exact_repeat_share, generate_tickets

    if options.trace:
        _require_tracer()
    for module in ("openai", "h11"):
        if importlib.util.find_spec(module) is None:
            msg = f"{module}, which the demo needs,"
            raise MissingExtraError(msg, "llm" if module == "openai" else "testing")
    simulated = options.provider == "simulated"
    try:
        tickets = generate_tickets(options.tickets or (600 if simulated else 20), seed=options.seed)
    except ValueError as error:
        raise UsageError(str(error)) from error
    arms = asyncio.run(
        run_arms(
            options.provider,
            tickets,
            seed=options.seed,
            concurrency=options.concurrency,
            trace=options.trace,
        )
    )
    if len(arms) < 2 or any(arm.report.interrupted for arm in arms):
        print("tta: interrupted before there was anything to compare", file=sys.stderr)
        return EXIT_INTERRUPTED
    with_primitives, baseline = arms
    if options.json:
        json.dump(summary(options.provider, with_primitives, baseline), sys.stdout)
        print()
    else:
        share = exact_repeat_share(tickets)
        Console().print(comparison(options.provider, with_primitives, baseline, share))
    return EXIT_FAILED if with_primitives.report.errors else EXIT_OK


async def run_arms(
    provider: str,
    tickets: Sequence[Ticket],
    *,
    seed: int = 0,
    concurrency: int | None = None,
    trace: bool = False,
) -> list[Arm]:
    """Run both sides of the comparison, with the primitives first; an interruption ends it early.

    Args:
        provider: One of `PROVIDERS`.
        tickets: What to answer.
        seed: Another seed, other mistakes and faults of the simulated models.
        concurrency: Tickets at once; what suits the provider when left out.
        trace: Print the trace of one more ticket.
    """
    from tta_dev_primitives.demo.providers import open_desks

    arms: list[Arm] = []
    async with open_desks(provider, tickets, seed=seed) as (desk, plain):
        for title, side in (("with primitives", desk), ("baseline", plain)):
            at_once = concurrency or side.concurrency
            arms.append(await run_arm(title, side.workflow, tickets, at_once))
            if arms[-1].report.interrupted:
                return arms
        if trace:
            await _trace(desk, seed)
    return arms


def _require_tracer() -> None:
    if importlib.util.find_spec("observability_integration") is None:
        msg = (
            "--trace needs tta-observability-integration, which is not installed. "
            "Try: uv add tta-observability-integration"
        )
        raise ConfigurationError(msg)


async def _trace(desk: Desk, seed: int) -> None:
    """Run one ticket that was not in the job, and print what happened to it."""
    from tta_dev_primitives.demo.tickets import generate_tickets

    # By name, because this package must not depend on the one that watches it.
    observability: Any = importlib.import_module("observability_integration")
    setup: Any = importlib.import_module("observability_integration.apm_setup")
    ticket = next(t for t in generate_tickets(seed=seed) if t.difficulty == "hard")
    observability.initialize_observability(
        service_name="tta-demo", enable_prometheus=False, enable_console_traces=True
    )
    try:
        await desk.workflow.execute({"text": ticket.text, "language": ticket.language})
    finally:
        setup.shutdown_observability()


def summary(provider: str, arm: Arm, baseline: Arm) -> dict[str, Any]:  # Any: JSON
    """Return the comparison as one JSON object."""
    ledger = arm.report.ledger
    latencies = arm.report.latencies
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
        "p50_ms": latencies.milliseconds(0.50),
        "p95_ms": latencies.milliseconds(0.95),
        "wall_s": round(arm.report.wall_seconds, 3),
        "provider": provider,
    }


def comparison(provider: str, arm: Arm, baseline: Arm, repeat_share: float) -> RenderableType:
    """Return the comparison as a table for people."""
    from rich.console import Group
    from rich.text import Text

    table = plain_table("", "with primitives", "baseline")
    mine, other = arm.report, baseline.report
    for label, value in (
        ("tickets", lambda a: f"{a.report.items:,}"),
        ("  failed", lambda a: f"{a.report.errors:,}"),
        ("model calls asked for", lambda a: f"{a.report.ledger.llm_calls:,}"),
        ("  answered from cache", lambda a: f"{a.report.ledger.cache_hits:,}"),
        ("requests sent", lambda a: f"{a.report.ledger.upstream_calls:,}"),
        ("  retries", lambda a: f"{a.report.ledger.retries:,}"),
        ("  timeouts", lambda a: f"{a.report.ledger.timeouts:,}"),
        ("fallbacks", lambda a: f"{a.report.ledger.fallbacks:,}"),
        ("tokens in", lambda a: f"{a.report.ledger.input_tokens:,}"),
        ("tokens out", lambda a: f"{a.report.ledger.output_tokens:,}"),
        ("quality (agrees with gold)", lambda a: f"{a.quality:.1%}"),
        ("cost", lambda a: dollars(a.cost)),
        ("latency p50 / p95", lambda a: milliseconds(*a.percentiles)),
        ("wall time", lambda a: f"{a.report.wall_seconds:.1f} s"),
    ):
        table.add_row(label, value(arm), value(baseline))
    lines = [f"{provider} models, {mine.items:,} tickets, {repeat_share:.0%} exact repeats"]
    if arm.cost is not None and baseline.cost:
        lines.append(f"cost {arm.cost / baseline.cost:.0%} of the baseline's")
    if baseline.quality:
        lines.append(f"quality {arm.quality / baseline.quality:.0%} of the baseline's")
    if other.wall_seconds:
        lines.append(f"time {mine.wall_seconds / other.wall_seconds:.0%} of the baseline's")
    return Group(table, Text(", ".join(lines)))
