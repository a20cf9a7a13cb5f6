"""What importing a library costs, and what it brings along: goal G19."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
from typing import Any

from cache_tables import Table
from packaging.requirements import Requirement
from resilience_peers import MODULES, missing

GOAL_SECONDS = 0.040
OURS = "tta-dev-primitives"
POLICIES = (
    "RetryPrimitive, TimeoutPrimitive, CircuitBreakerPrimitive, RateLimitPrimitive, "
    "BulkheadPrimitive, HedgePrimitive"
)
# What an app imports: of libraries that load their parts when first used, the parts used here.
STATEMENTS = {
    "anyio": "from anyio import CapacityLimiter, create_task_group, fail_after",
    "hyx": "import hyx.retry, hyx.timeout, hyx.circuitbreaker, hyx.ratelimit, hyx.bulkhead",
    "langchain-core": "from langchain_core.runnables import RunnableLambda, RunnableParallel",
    "pydantic-graph": "from pydantic_graph import GraphBuilder",
}
UNMEASURED = {"opentelemetry-api"}
PROGRAM = """
import asyncio, json, sys, time
began, known = time.process_time(), len(sys.modules)
{statement}
print(json.dumps([time.process_time() - began, len(sys.modules) - known]))
"""


async def tables(runs: int) -> list[Table]:
    """Import each library in *runs* new processes, in turns, and keep the least."""
    statements = {
        (OURS, "the package"): "import tta_dev_primitives",
        (OURS, "the six policies of this benchmark"): f"from tta_dev_primitives import {POLICIES}",
    }
    for name, module in MODULES.items():
        if name not in UNMEASURED:
            statements[name, ""] = STATEMENTS.get(name, f"import {module}")
    absent = missing(name for name, _ in statements if name != OURS)
    statements = {key: text for key, text in statements.items() if key[0] not in absent}
    taken: dict[tuple[str, str], list[tuple[float, int]]] = {key: [] for key in statements}
    for _ in range(runs + 1):  # the first may have to write bytecode, and is not the least
        for key, statement in statements.items():
            taken[key].append(await _imported(statement))
    least = {key: min(samples) for key, samples in taken.items()}
    records: list[dict[str, Any]] = []  # Any: JSON values
    for (name, what), (seconds, modules) in least.items():
        met = "" if name != OURS else "met" if seconds <= GOAL_SECONDS else "missed"
        direct, everything = hard_dependencies(name)
        records.append(
            {
                "import": f"{name}: {what}" if what else name,
                "CPU ms over asyncio": round(seconds * 1000, 1),
                "goal 40 ms": met,
                "modules": modules,
                "hard dependencies": direct,
                "with theirs": everything,
                "goal 0": "" if name != OURS else "met" if direct == 0 else "missed",
            }
        )
    note = (
        f"The least of {runs} new processes each, user and system time, after `import asyncio`. "
        "Some libraries import optional packages where these are installed: aiobreaker and "
        "purgatory do so with redis."
    )
    if absent:
        note += f" Not installed, so not measured: {', '.join(absent)}."
    return [Table("Import and dependencies: G19", records=records, note=note)]


async def _imported(statement: str) -> tuple[float, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-c",
        PROGRAM.format(statement=statement),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        msg = f"{statement!r} ended with {process.returncode}"
        raise RuntimeError(msg)
    seconds, modules = json.loads(output)
    return seconds, modules


def hard_dependencies(distribution: str) -> tuple[int, int]:
    """Return how many others *distribution* always needs here, directly and in all."""
    direct = _required(distribution)
    everything: set[str] = set()
    pending = set(direct)
    while pending:
        name = pending.pop()
        if name not in everything:
            everything.add(name)
            pending |= _required(name)
    return len(direct), len(everything)


def _required(distribution: str) -> set[str]:
    texts = importlib.metadata.requires(distribution) or []
    requirements = [Requirement(text) for text in texts]
    return {
        required.name.lower().replace("_", "-")
        for required in requirements
        if required.marker is None or required.marker.evaluate({"extra": ""})
    }
