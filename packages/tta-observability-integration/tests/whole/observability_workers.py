"""What the worker processes of the tests do; a module of its own, as `spawn` needs it."""

from __future__ import annotations

import asyncio

from observability_integration import initialize_observability
from tta_dev_primitives import LambdaPrimitive


def work(url: str, name: str) -> str:
    """Call a step in a process that is observed: by inheritance, or by this very call."""
    initialize_observability(enable_prometheus=False, otlp_endpoint=url)
    asyncio.run(LambdaPrimitive(lambda x: x, name=name).execute(1))
    return name
