"""Waiting for what the test is about, however long a real server takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.testing.clock import settle

PATIENCE_SECONDS = 20


async def until(condition: Callable[[], bool], what: str = "the condition") -> None:
    """Let others run until *condition* holds."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > give_up:
            pytest.fail(f"{what} did not hold within {PATIENCE_SECONDS} s")
        await asyncio.sleep(0.001)


async def missed(cache: CachePrimitive[Any, Any], count: int) -> None:
    """Wait until *count* callers in all have found nothing and joined a call, or begun one."""
    await until(lambda: cache.get_stats()["misses"] >= count, f"{count} misses")
    await settle()
