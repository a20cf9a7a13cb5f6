"""Small programs to be run as apps, and a check that nothing of them stays."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task behind."""
    yield
    left = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    assert not left, f"tasks are left: {left}"


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., str]:
    """Write a Python program and give the command that runs it."""

    def written(source: str, *arguments: object, name: str = "program.py") -> str:
        path = tmp_path / name
        path.write_text(source)
        words = [sys.executable, str(path), *map(str, arguments)]
        return shlex.join(words)

    return written
