"""The error of a step, seen from outside of every kind of composition."""

from __future__ import annotations

import traceback
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from tta_dev_primitives.core.base import FRESH, WorkflowContext, WorkflowPrimitive

from .cases import KINDS
from .worlds import ServiceError, World
from .wrapped import in_turns, wrap


class Failing(WorkflowPrimitive[str, str]):
    """Fails somewhere deep down, with a note."""

    async def execute(self, input_data: str, context: WorkflowContext = FRESH) -> str:
        self._deep_down(input_data)
        return input_data

    async def stream(
        self, input_data: str, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[str, None]:
        self._deep_down(input_data)
        yield input_data

    def _deep_down(self, x: str) -> None:
        error = ServiceError(x)
        error.add_note("the disk is full")
        raise error


async def execute(flow: WorkflowPrimitive[Any, Any]) -> None:
    await flow.execute("a0")


async def stream(flow: WorkflowPrimitive[Any, Any]) -> None:
    async with aclosing(flow.stream("a0")) as chunks:
        async for _ in chunks:
            pass


def one_of(error: BaseException) -> BaseException:
    """Return *error*, or one of the group that it is."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


# Undoing in vain, faults and a breaker that has seen enough raise errors of their own.
OWN_ERRORS = {"saga_in_vain", "fault", "resilient_pipeline"}


@pytest.mark.parametrize("call", [execute, stream])
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - OWN_ERRORS))
async def test_error_leads_to_its_line_and_keeps_its_notes(kind: str, call: Any) -> None:
    """What a developer needs at three in the morning."""
    world = World()
    with pytest.raises((ServiceError, ExceptionGroup)) as caught:
        await in_turns(world, call(wrap(kind, world, Failing())))
    error = one_of(caught.value)
    assert isinstance(error, ServiceError)
    frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert frames[-1] == "_deep_down"
    assert error.__notes__[0] == "the disk is full"
    assert error.__notes__.count("the disk is full") == 1
