"""The machine finds what it looks for: each of these steps is broken in a way of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from tta_dev_primitives.core.base import FRESH, WorkflowContext, WorkflowPrimitive, as_primitive
from tta_dev_primitives.errors import RejectedError

from .cases import Action, Begin, Cancel, Case, Node, Turns
from .machine import WrongCaseError, happen
from .worlds import Leaf, World

SLOW = Leaf("async", ("short",))


class Broken(WorkflowPrimitive[Any, Any]):
    """A wrapper as it should not be."""

    def __init__(self, world: World, step: Any) -> None:
        self.world, self.step = world, as_primitive(step)
        self.last: Any = None
        self.busy = False
        world.expect("places", lambda: self.busy, False)

    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        return await self.step.execute(input_data, context)


class KeepsPlace(Broken):
    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        self.busy = True
        value = await self.step.execute(input_data, context)
        self.busy = False
        return value


class SwallowsCancellation(Broken):
    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        try:
            return await self.step.execute(input_data, context)
        except asyncio.CancelledError:
            return input_data


class CancelsItself(Broken):
    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        await self.step.execute(input_data, context)
        raise asyncio.CancelledError


class LeavesTask(Broken):
    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        self.last = asyncio.create_task(asyncio.Event().wait())
        return await self.step.execute(input_data, context)


class LeavesTimer(Broken):
    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        timer = self.world.clock.call_later(1e6, lambda: None)
        value = await self.step.execute(input_data, context)
        timer.cancel()
        return value


class MixesAnswersUp(Broken):
    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        before, self.last = self.last, await self.step.execute(input_data, context)
        return before or self.last


class WaitsForEver(Broken):
    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        await self.step.execute(input_data, context)
        await asyncio.Event().wait()


class BreaksInside(Broken):
    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        return {}[input_data]


class ForgetsToClose(Broken):
    async def stream(
        self, input_data: Any, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:
        self.last = self.step.stream(input_data, context)
        async for chunk in self.last:
            yield chunk


class LetsNobodyThroughAgain(Broken):
    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        if self.last:
            raise RejectedError("no more")
        self.last = True
        value = await self.step.execute(input_data, context)
        self.last = False
        return value


@pytest.mark.parametrize(
    ("make", "leaf", "actions", "found"),
    [
        (KeepsPlace, SLOW, (Begin(), Turns(), Cancel()), "places: True"),
        (SwallowsCancellation, SLOW, (Begin(), Turns(), Cancel()), "cancelled 1 times and ended"),
        (CancelsItself, SLOW, (Begin(),), "cancelled 0 times and ended with CancelledError"),
        (LeavesTask, SLOW, (Begin(),), "1 tasks"),
        (LeavesTimer, SLOW, (Begin(), Turns(), Cancel()), "1 timers"),
        (MixesAnswersUp, SLOW, (Begin("a0"), Begin("b0")), "call 0 .* was answered 'b0'"),
        (WaitsForEver, SLOW, (Begin(),), "waits for ever"),
        (BreaksInside, SLOW, (Begin(),), "failed by KeyError"),
        (ForgetsToClose, Leaf("chunks"), (Begin(how="close"),), "1 calls of services"),
        (LetsNobodyThroughAgain, SLOW, (Begin(), Turns(), Cancel()), "a fresh call ended with"),
    ],
)
def test_broken_step_is_found(
    make: Callable[..., Any], leaf: Leaf, actions: tuple[Action, ...], found: str
) -> None:
    """A machine that finds nothing proves nothing."""
    with pytest.raises(WrongCaseError, match=found):
        happen(Case(Node("broken", (leaf,)), actions), {"broken": (1, make)})
