"""Primitives of one's own, written in the style of 0.1 or of today."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, assert_type

from tta_dev_primitives import (
    ObservabilityPrimitive,
    SequentialPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives.core.base import FRESH


class OldStyle(WorkflowPrimitive[int, str]):
    async def execute(self, input_data: int, context: WorkflowContext) -> str:
        return str(input_data)


class NewStyle(WorkflowPrimitive[int, str]):
    async def execute(self, input_data: int, context: WorkflowContext = FRESH) -> str:
        return str(input_data)


class Streaming(WorkflowPrimitive[str, str]):
    async def stream(self, input_data: str, context: WorkflowContext) -> AsyncGenerator[str, None]:
        for letter in input_data:
            yield letter


class WrongResult(WorkflowPrimitive[int, str]):
    async def execute(self, input_data: int, context: WorkflowContext) -> int:  # expect-error
        return input_data


class Untyped(WorkflowPrimitive):
    async def execute(self, input_data: int, context: WorkflowContext) -> int:
        return input_data


async def calls(step: WorkflowPrimitive[int, str], context: WorkflowContext) -> None:
    assert_type(await step.execute(1), str)
    assert_type(await step.execute(1, context), str)
    assert_type(await step.execute(1, context=context), str)
    assert_type(await NewStyle().execute(1), str)
    async for chunk in step.stream(1, context):
        assert_type(chunk, Any)
    await step.execute("one")  # expect-error
    step.stream("one")  # expect-error


assert_type(OldStyle() >> Streaming(), SequentialPrimitive[int, str])
general: WorkflowPrimitive[int, str] = OldStyle()
# What takes any int takes a bool; what gives text gives an object.
narrower: WorkflowPrimitive[bool, object] = OldStyle()
wider: WorkflowPrimitive[object, str] = OldStyle()  # expect-error
untyped: WorkflowPrimitive[str, str] = Untyped()


class Watching(ObservabilityPrimitive):
    def start(
        self, primitive: WorkflowPrimitive[Any, Any], path: str, context: WorkflowContext
    ) -> object:
        return path
