"""Callers who ask caches for the same thing at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tta_dev_primitives.performance.cache import CachePrimitive

MakeCache = Callable[..., CachePrimitive[Any, Any]]


def ask(cache: CachePrimitive[Any, Any], count: int, key: str = "q") -> list[asyncio.Task[Any]]:
    """Begin to ask for one thing so many times."""
    return [asyncio.create_task(cache.execute(key)) for _ in range(count)]
