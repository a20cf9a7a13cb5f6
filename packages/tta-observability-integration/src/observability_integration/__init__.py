"""OpenTelemetry traces and metrics for every primitive of `tta_dev_primitives`.

OpenTelemetry is loaded when it is first needed, so importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .export.console import ConsoleTraceExporter
    from .metrics.observer import MetricsPrimitive
    from .setup import (
        get_meter,
        get_tracer,
        initialize_observability,
        is_observability_enabled,
        shutdown_observability,
    )
    from .tracer import TracerPrimitive

__version__ = "0.2.0"

_HOMES = {
    "ConsoleTraceExporter": "export.console",
    "MetricsPrimitive": "metrics.observer",
    "TracerPrimitive": "tracer",
    "get_meter": "setup",
    "get_tracer": "setup",
    "initialize_observability": "setup",
    "is_observability_enabled": "setup",
    "shutdown_observability": "setup",
}

__all__ = [
    "ConsoleTraceExporter",
    "MetricsPrimitive",
    "TracerPrimitive",
    "get_meter",
    "get_tracer",
    "initialize_observability",
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
