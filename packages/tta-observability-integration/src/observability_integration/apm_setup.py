"""The 0.1 home of setting up, shutting down, and the user's own tracers and meters."""

from __future__ import annotations

from .setup import (
    get_meter,
    get_tracer,
    initialize_observability,
    is_observability_enabled,
    shutdown_observability,
)

__all__ = [
    "get_meter",
    "get_tracer",
    "initialize_observability",
    "is_observability_enabled",
    "shutdown_observability",
]
