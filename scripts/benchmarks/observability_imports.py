"""What importing the package costs, and turning it on, over a bare interpreter."""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from keploy_goals import Goal
from keploy_processes import result_of
from observability_findings import Finding

if TYPE_CHECKING:
    from observability_amounts import Amounts

MEASURE: Final = "a new process"
GOAL: Final = Goal(50, "at most", "ms")
BARE: Final = "import asyncio"
SET_UP: Final = "from observability_integration import initialize_observability as initialize; "
OTLP: Final = "otlp_endpoint='http://127.0.0.1:9'"
SDK: Final = "opentelemetry-sdk set up for the same"
SDK_TRACES: Final = (
    "from opentelemetry import trace",
    "from opentelemetry.sdk.trace import TracerProvider",
    "provider = TracerProvider(shutdown_on_exit=False)",
    "trace.set_tracer_provider(provider)",
)
SDK_COLLECTOR: Final = (
    *SDK_TRACES,
    "from opentelemetry.sdk.trace.export import BatchSpanProcessor",
    "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter",
    "provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))",
)
SDK_PROMETHEUS: Final = (
    *SDK_TRACES,
    "from opentelemetry import metrics",
    "from opentelemetry.sdk.metrics import MeterProvider",
    "from opentelemetry.exporter.prometheus import PrometheusMetricReader",
    "from prometheus_client import start_http_server",
    "start_http_server(0, '127.0.0.1')",
    "metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))",
)


class Case(NamedTuple):
    """What is run in a new process.

    Attributes:
        title: What it is called.
        ours: The statement.
        theirs: What does the same with the SDK, if anything does.
        goal: What ours is held to.
    """

    title: str
    ours: str
    theirs: tuple[str, ...] = ()
    goal: Goal | None = None


CASES: Final = (
    Case("import observability_integration", "import observability_integration", goal=GOAL),
    Case(
        "initialize_observability, nothing enabled",
        SET_UP + "initialize(enable_prometheus=False)",
        SDK_TRACES,
        GOAL,
    ),
    Case(
        "initialize_observability with a collector",
        SET_UP + f"initialize(enable_prometheus=False, metrics=False, {OTLP})",
        SDK_COLLECTOR,
    ),
    Case(
        "initialize_observability as it comes, with Prometheus",
        SET_UP + "initialize(prometheus_port=0)",
        SDK_PROMETHEUS,
    ),
)
PROGRAM: Final = """
import asyncio, os, sys, time
{statement}
print(time.process_time() * 1000, flush=True)
os._exit(0)
"""


def findings(amounts: Amounts) -> list[Finding]:
    """Start new processes in pairs: one with only asyncio, one with what is measured."""
    statements = [BARE, *(case.ours for case in CASES)]
    statements += ["; ".join(case.theirs) for case in CASES if case.theirs]
    taken: dict[str, list[tuple[float, float]]] = {text: [] for text in statements}
    for _ in range(amounts.starts + 1):  # the first may have to write bytecode
        for text in statements:
            taken[text].append(_started(text))
    least = {text: min(spent for spent, _ in each) for text, each in taken.items()}
    median = {text: statistics.median(spent for spent, _ in each) for text, each in taken.items()}
    wall = {text: min(waited for _, waited in each) for text, each in taken.items()}
    found = [
        Finding(
            MEASURE,
            "import asyncio, all of the process",
            least[BARE],
            "ms",
            median[BARE],
            "by the clock on the wall",
            wall[BARE],
        )
    ]
    for title, ours, theirs, goal in CASES:
        found.append(
            Finding(
                MEASURE,
                title,
                least[ours] - least[BARE],
                "ms",
                median[ours] - median[BARE],
                SDK if theirs else "",
                least["; ".join(theirs)] - least[BARE] if theirs else None,
                goal,
            )
        )
    return found


def _started(statement: str) -> tuple[float, float]:
    """Return the milliseconds of a process: of the processor, and on the wall."""
    began = time.perf_counter()
    spent = result_of([sys.executable, "-I", "-c", PROGRAM.format(statement=statement)])
    return float(spent), (time.perf_counter() - began) * 1000
