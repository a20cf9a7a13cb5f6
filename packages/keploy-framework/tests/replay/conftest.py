"""A check that no task stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest


@pytest.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task behind."""
    yield
    left = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    assert not left, f"tasks are left: {left}"
