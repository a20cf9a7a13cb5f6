"""Find what a test leaves behind: tasks, places that were not returned, timers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from tta_dev_primitives.errors import ConfigurationError

from .clock import settle

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

_COUNTED: Final = ("running", "waiting", "probes", "reserved", "pending")
_SUMMARIES: Final = ("stats", "report")


class LeakCheck:
    """Remember what is there now, and tell later what has come to stay.

    Made in a running event loop, and asked in the same one. The task that asks does not count.

    Args:
        watched: See `watch`.
    """

    def __init__(self, *watched: object) -> None:
        self._tasks = asyncio.all_tasks()
        self._before: list[tuple[object, dict[str, float]]] = []
        self.watch(*watched)

    def watch(self, *watched: object) -> None:
        """Note what each of *watched* holds now; it must hold no more at the end.

        Counted are the numbers `running`, `waiting`, `probes`, `reserved` and `pending`: of the
        object itself, as a `FakeClock` has them, and of what its `stats()` or `report()` returns,
        as a bulkhead, a breaker or a budget have them; there, in each value of a mapping too.

        Raises:
            ConfigurationError: An object has none of these.
        """
        for each in watched:
            if not any(hasattr(each, name) for name in (*_COUNTED, *_SUMMARIES)):
                names = ", ".join((*_COUNTED, *(f"{name}()" for name in _SUMMARIES)))
                msg = f"cannot tell what {each!r} holds; watch an object with one of {names}"
                raise ConfigurationError(msg)
            self._before.append((each, _holdings(each)))

    def leaks(self) -> list[str]:
        """Return a line for each thing that is there now and was not before."""
        found = [f"task still running: {_described(task)}" for task in self._new_tasks()]
        for each, before in self._before:
            for what, number in _holdings(each).items():
                if number > before.get(what, 0):
                    was = before.get(what, 0)
                    found.append(f"{each!r} has {what} = {number:g}, and had {was:g} before")
        return found

    async def check(self, *, grace_seconds: float = 0.1) -> None:
        """Raise when something has come to stay.

        Args:
            grace_seconds: How long tasks that are ending get; waited for only where there are any.

        Raises:
            AssertionError: Something was left, all of which the message lists.
        """
        await self._wait(grace_seconds)
        found = self.leaks()
        if found:
            raise AssertionError("left behind:\n  " + "\n  ".join(found))

    async def _wait(self, grace_seconds: float) -> None:
        await settle()
        left = self._new_tasks()
        if left:
            await asyncio.wait(left, timeout=grace_seconds)
            await settle(1)

    def _new_tasks(self) -> list[asyncio.Task[Any]]:
        left = asyncio.all_tasks() - self._tasks - {asyncio.current_task()}
        return sorted(left, key=lambda task: task.get_name())


@contextlib.asynccontextmanager
async def assert_no_leaks(
    *watched: object, grace_seconds: float = 0.1
) -> AsyncGenerator[LeakCheck, None]:
    """Fail when the block leaves a task, a place or a timer behind.

    When the block raises, its error goes through, with a note of what was left.

    Args:
        watched: Clocks, bulkheads, breakers, budgets; see `LeakCheck.watch`.
        grace_seconds: How long tasks that are ending get.

    Raises:
        AssertionError: Something was left.
    """
    check = LeakCheck(*watched)
    try:
        yield check
    except Exception as error:
        await settle()
        for leak in check.leaks():
            error.add_note(f"left behind: {leak}")
        raise
    await check.check(grace_seconds=grace_seconds)


def _holdings(watched: object) -> dict[str, float]:
    """Return the counted numbers of *watched* by where they stand."""
    found = dict(_numbers(watched, ""))
    for name in _SUMMARIES:
        summarise = getattr(watched, name, None)
        if callable(summarise):
            for place, summary in _parts(summarise()):
                found.update(_numbers(summary, f"{name}(){place}."))
    return found


def _parts(summary: object) -> Iterable[tuple[str, object]]:
    """Yield a summary, and the values of one that is a mapping, each with its place."""
    yield "", summary
    if isinstance(summary, Mapping):
        for key, value in cast("Mapping[object, object]", summary).items():
            yield f"[{key!r}]", value


def _numbers(holder: object, place: str) -> Iterator[tuple[str, float]]:
    for name in _COUNTED:
        value: object = (
            cast("Mapping[object, object]", holder).get(name)
            if isinstance(holder, Mapping)
            else getattr(holder, name, None)
        )
        if isinstance(value, int | float):
            yield f"{place}{name}", value


def _described(task: asyncio.Task[Any]) -> str:
    coroutine = task.get_coro()
    stack = task.get_stack(limit=1)
    where = f", at {stack[-1].f_code.co_filename}:{stack[-1].f_lineno}" if stack else ""
    return f"{task.get_name()} ({getattr(coroutine, '__qualname__', coroutine)}{where})"
