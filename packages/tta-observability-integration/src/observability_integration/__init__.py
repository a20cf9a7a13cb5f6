"""OpenTelemetry traces and metrics for every primitive of `tta_dev_primitives`.

OpenTelemetry is loaded when it is first needed, so importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import scope

if TYPE_CHECKING:
    from .alerts import alert_rule_files
    from .context.headers import context_from_headers, headers_of
    from .context.logs import TraceContextFilter, add_trace_context, install_log_correlation
    from .cost.accounting import CostObserver
    from .cost.budget import CostBudget
    from .cost.own_prices import OwnPrice, PriceFileError
    from .cost.prices import PriceBook
    from .cost.rates import TokenCounts
    from .cost.report import CostReport, CostShare
    from .export.console import ConsoleExporter
    from .export.memory import InMemoryExporter
    from .export.sdk_console import ConsoleTraceExporter
    from .export.trace_file import TraceFileExporter
    from .grafana import dashboard_files
    from .metrics.observer import MetricsPrimitive
    from .setup import (
        get_meter,
        get_tracer,
        initialize_observability,
        is_observability_enabled,
        shutdown_observability,
    )
    from .trace_file.errors import TraceFileError
    from .trace_file.reader import TraceFile
    from .tracer import TracerPrimitive

__version__ = scope.VERSION

_HOMES = {
    "ConsoleExporter": "export.console",
    "ConsoleTraceExporter": "export.sdk_console",
    "CostBudget": "cost.budget",
    "CostObserver": "cost.accounting",
    "CostReport": "cost.report",
    "CostShare": "cost.report",
    "InMemoryExporter": "export.memory",
    "MetricsPrimitive": "metrics.observer",
    "OwnPrice": "cost.own_prices",
    "PriceBook": "cost.prices",
    "PriceFileError": "cost.own_prices",
    "TokenCounts": "cost.rates",
    "TraceContextFilter": "context.logs",
    "TraceFile": "trace_file.reader",
    "TraceFileError": "trace_file.errors",
    "TraceFileExporter": "export.trace_file",
    "TracerPrimitive": "tracer",
    "add_trace_context": "context.logs",
    "alert_rule_files": "alerts",
    "context_from_headers": "context.headers",
    "dashboard_files": "grafana",
    "get_meter": "setup",
    "get_tracer": "setup",
    "headers_of": "context.headers",
    "initialize_observability": "setup",
    "install_log_correlation": "context.logs",
    "is_observability_enabled": "setup",
    "shutdown_observability": "setup",
}

__all__ = [
    "ConsoleExporter",
    "ConsoleTraceExporter",
    "CostBudget",
    "CostObserver",
    "CostReport",
    "CostShare",
    "InMemoryExporter",
    "MetricsPrimitive",
    "OwnPrice",
    "PriceBook",
    "PriceFileError",
    "TokenCounts",
    "TraceContextFilter",
    "TraceFile",
    "TraceFileError",
    "TraceFileExporter",
    "TracerPrimitive",
    "add_trace_context",
    "alert_rule_files",
    "context_from_headers",
    "dashboard_files",
    "get_meter",
    "get_tracer",
    "headers_of",
    "initialize_observability",
    "install_log_correlation",
    "is_observability_enabled",
    "shutdown_observability",
]


def __getattr__(name: str) -> Any:  # Any: each name has its own type, declared above
    home = _HOMES.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
