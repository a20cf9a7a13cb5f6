"""What holds for every test of the package: nothing stays behind."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from tta_dev_primitives.core import observe
from tta_dev_primitives.testing import FakeClock

# A loaded machine must not fail a property: no test here is about wall time.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

LONGEST_GOODBYE_SECONDS = 1.0


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a task, a thread or an observer behind."""
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("no_task_left_behind")
    threads = set(threading.enumerate())
    yield
    installed, observe.active = observe.active, None
    left = [thread for thread in threading.enumerate() if _counts(thread) and thread not in threads]
    for thread in left:
        thread.join(LONGEST_GOODBYE_SECONDS)
    running = [thread.name for thread in left if thread.is_alive()]
    assert not running, f"threads still running: {running}"
    assert installed is None, f"observers still installed: {installed.members}"


@pytest.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:  # a task that was told to end, such as the loop's own closing of generators, may do so
        _, left = await asyncio.wait(left, timeout=LONGEST_GOODBYE_SECONDS)
    assert not left, f"tasks still running: {left}"


@pytest.fixture
def clock() -> FakeClock:
    """A clock that starts at 0 and moves only when told to."""
    return FakeClock()


def _counts(thread: threading.Thread) -> bool:
    # The loop joins its executor's threads itself when it is closed, after the fixtures.
    return not thread.daemon and not thread.name.startswith("asyncio_")
