"""Steps side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast, overload

from tta_dev_primitives.errors import ConfigurationError

from .at_once import Pending
from .base import FRESH, In, Out, Step, WorkflowPrimitive, X, Y, as_primitive
from .tasks import stop_tasks

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence
    from contextvars import Context

    from .context import WorkflowContext

T = TypeVar("T")


class ParallelPrimitive(WorkflowPrimitive[In, Out]):
    """Run steps side by side on the same input.

    A list of steps gives a list in the same order, a mapping gives a dict with the same keys.
    When a branch fails, its siblings are cancelled and have ended before the error is raised: one
    failure as itself, several as an `ExceptionGroup`. `a | b | c` is one node with three branches.

    Args:
        branches: At least one primitive or function, as an iterable or a mapping.
        name: Name in paths, traces and diagrams.
    """

    @overload
    def __init__(
        self: ParallelPrimitive[X, dict[str, Y]],
        branches: Mapping[str, Step[X, Y]],
        *,
        name: str = "",
    ) -> None: ...
    @overload
    def __init__(
        self: ParallelPrimitive[X, list[Y]],
        branches: Iterable[Step[X, Y]],
        *,
        name: str = "",
    ) -> None: ...
    def __init__(
        self, branches: Mapping[str, Step[Any, Any]] | Iterable[Step[Any, Any]], *, name: str = ""
    ) -> None:
        flat: list[WorkflowPrimitive[Any, Any]] = []
        self.keys: tuple[str, ...] | None = None
        if isinstance(branches, Mapping):
            named = cast("Mapping[str, Step[Any, Any]]", branches)
            self.keys = tuple(named)
            flat = [as_primitive(step) for step in named.values()]
        else:
            for step in branches:
                primitive = as_primitive(step)
                if (
                    type(primitive) is ParallelPrimitive
                    and primitive.keys is None
                    and not primitive.name
                ):
                    flat.extend(primitive.branches)
                else:
                    flat.append(primitive)
        if not flat:
            msg = "a parallel step needs at least one branch, got none"
            raise ConfigurationError(msg)
        self.branches: tuple[WorkflowPrimitive[Any, Any], ...] = tuple(flat)
        self.name = name

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run all branches and return their results in order.

        Branches ahead of the first that waits need no task, where they tell that they will not
        wait: functions without an `await`, hits of a cache, and sequences of these.
        """
        results: list[Any] = []
        for branch in self.branches:
            own = copy_context()  # what a branch sets is not seen outside, as in a task
            begun: Any
            try:
                begun = own.run(branch.begin_execute, input_data, context)
            except Exception as error:  # noqa: BLE001 - raised below, as by a task
                begun = Pending(_fail(error))
            if type(begun) is not Pending:
                results.append(begun)
                continue
            others = self.branches[len(results) + 1 :]
            calls = (other.execute(input_data, context) for other in others)
            results += await gather_all(calls, first=begun.coroutine, context_of_first=own)
            break
        collected = results if self.keys is None else dict(zip(self.keys, results, strict=True))
        return cast("Out", collected)

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the branches in order, labelled with their keys where they have some."""
        return list(zip(self.keys or [""] * len(self.branches), self.branches, strict=True))


async def gather_all(
    calls: Iterable[Coroutine[Any, Any, T]],
    *,
    first: Coroutine[Any, Any, T] | None = None,
    context_of_first: Context | None = None,
) -> list[T]:
    """Await all *calls* side by side; none of them outlives this call.

    A call that cannot even be made cancels those already under way. When one fails, or the caller
    is cancelled, the others are cancelled and have ended before anything is raised.

    A `TaskGroup` would cancel the caller's task to wake it, and up to Python 3.12 leave that
    behind: the next time limit in that task could not tell its own cancellation from the caller's.

    Args:
        calls: What to await.
        first: A call ahead of them that has been begun already.
        context_of_first: The context variables it was begun with.

    Raises:
        BaseExceptionGroup: More than one call failed. A single failure is raised as itself.
    """
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[T]] = []
    ended: BaseException | None = None
    try:
        if first is not None:
            tasks.append(loop.create_task(first, context=context_of_first))
        for call in calls:
            tasks.append(loop.create_task(call))  # noqa: PERF401 - kept when the next one raises
        if tasks and await _all_ended_well(tasks, loop):
            return [task.result() for task in tasks]
    except BaseException as error:  # noqa: BLE001 - raised below, when nothing is left behind
        ended = error
    try:
        await stop_tasks(task for task in tasks if not task.done())
    except asyncio.CancelledError as error:
        ended = error
    failure = _failure(tasks)  # asked for in any case, or the loop complains that nobody did
    error = ended or failure
    if error is None:
        return [task.result() for task in tasks]  # raises where a branch was cancelled by itself
    try:
        raise error
    finally:
        del ended, failure, error  # or it and this frame would hold one another


async def _all_ended_well(tasks: list[asyncio.Task[T]], loop: asyncio.AbstractEventLoop) -> bool:
    """Wait until all *tasks* have ended, or one has failed, and tell which it was.

    As `asyncio.wait` does, which costs more.
    """
    woken, left, well = loop.create_future(), len(tasks), True

    def note(task: asyncio.Task[T]) -> None:
        nonlocal left, well
        left -= 1
        if task.cancelled():
            well = False
        elif task.exception() is not None:
            left, well = 0, False
        if left <= 0 and not woken.done():
            woken.set_result(None)

    for task in tasks:
        task.add_done_callback(note)
    await woken
    return well


def _failure(tasks: list[asyncio.Task[T]]) -> BaseException | None:
    """Return what *tasks*, which have ended, failed with; those cancelled are passed over."""
    failures = [
        failure
        for task in tasks
        if not task.cancelled() and (failure := task.exception()) is not None
    ]
    for failure in failures:
        if isinstance(failure, KeyboardInterrupt | SystemExit):
            return failure
    if len(failures) > 1:
        return BaseExceptionGroup("several branches failed", failures)
    return failures[0] if failures else None


async def _fail(error: BaseException) -> NoReturn:
    """Fail as a branch does in a task."""
    raise error
