"""`tta demo`: the main job on real-looking tickets, with and without the primitives."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.errors import ConfigurationError, MissingExtraError

from .demo_arms import Arm, run_arm
from .demo_report import comparison, summary
from .event_loop import run_async
from .exits import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from .run import positive_int

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tta_dev_primitives.demo.tickets import Ticket

    from .commands import Commands

PROVIDERS = ("simulated", "openai", "anthropic", "local")


def add_parser(commands: Commands) -> None:
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
    parser.add_argument(
        "--cache-dir",
        type=Path,
        metavar="DIR",
        help="keep real models' answers here for the next run; see them with tta cache",
    )
    parser.add_argument("--trace", action="store_true", help="print the trace of one ticket")
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
    arms = run_async(
        run_arms(
            options.provider,
            tickets,
            seed=options.seed,
            concurrency=options.concurrency,
            cache_dir=options.cache_dir,
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
    if options.trace:
        run_async(trace_ticket(options.provider, tickets, seed=options.seed))
    return EXIT_FAILED if with_primitives.report.errors else EXIT_OK


async def run_arms(
    provider: str,
    tickets: Sequence[Ticket],
    *,
    seed: int = 0,
    concurrency: int | None = None,
    cache_dir: Path | None = None,
) -> list[Arm]:
    """Run both sides of the comparison, with the primitives first; an interruption ends it early.

    Args:
        provider: One of `PROVIDERS`.
        tickets: What to answer.
        seed: Another seed, other mistakes and faults of the simulated models.
        concurrency: Tickets at once; what suits the provider when left out.
        cache_dir: Where answers are kept; a folder for this run only when left out.
    """
    from tta_dev_primitives.demo.providers import open_desks

    arms: list[Arm] = []
    async with open_desks(provider, tickets, seed=seed, cache_dir=cache_dir) as (desk, plain):
        for title, side in (("with primitives", desk), ("baseline", plain)):
            at_once = concurrency or side.concurrency
            arms.append(await run_arm(title, side.workflow, tickets, at_once))
            if arms[-1].report.interrupted:
                return arms
    return arms


def _require_tracer() -> None:
    if importlib.util.find_spec("observability_integration") is None:
        msg = (
            "--trace needs tta-observability-integration, which is not installed. "
            "Try: uv add tta-observability-integration"
        )
        raise ConfigurationError(msg)


async def trace_ticket(provider: str, tickets: Sequence[Ticket], *, seed: int = 0) -> None:
    """Run one of *tickets*, a hard one if there is one, and print what happened to it."""
    from tta_dev_primitives.demo.providers import open_desks

    # By name, because this package must not depend on the one that watches it.
    observability: Any = importlib.import_module("observability_integration")
    ticket = next((one for one in tickets if one.difficulty == "hard"), tickets[0])
    async with open_desks(provider, tickets, seed=seed) as (desk, _):
        observability.initialize_observability(
            service_name="tta-demo", enable_prometheus=False, enable_console_traces=True
        )
        try:
            await desk.workflow.execute({"text": ticket.text, "language": ticket.language})
        finally:
            observability.shutdown_observability()
