"""What a caller tells the observers of a call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tta_dev_primitives import (
    LambdaPrimitive,
    ObservabilityPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
    observe,
)
from tta_dev_primitives.core.introduction import introduced
from tta_dev_primitives.core.observe import MapItemRecord, MapRecord


class Told(ObservabilityPrimitive):
    """Keeps what begins and what is reported, with the path."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, object]] = []

    def start(self, primitive: Any, path: str, context: WorkflowContext) -> object:
        self.seen.append((path, "began"))
        return path

    def event(self, token: object, record: object) -> None:
        self.seen.append((str(token), record))

    @property
    def records(self) -> list[tuple[str, object]]:
        return [(path, record) for path, record in self.seen if record != "began"]

    @property
    def paths(self) -> list[str]:
        return [path for path, record in self.seen if record == "began"]


@pytest.fixture
def told() -> Iterator[Told]:
    watching = Told()
    with observe(watching):
        yield watching


class Countdown(WorkflowPrimitive[int, int]):
    """Calls itself."""

    name = "down"

    async def execute(self, input_data: int, context: WorkflowContext | None = None) -> int:
        return input_data if input_data == 0 else await self.execute(input_data - 1, context)


def failing(x: int) -> int:
    if x % 2:
        raise LookupError(x)
    return x


CONTEXT = WorkflowContext()


async def test_the_record_belongs_to_the_call_that_is_introduced(told: Told) -> None:
    assert await introduced("hello", LambdaPrimitive(abs, name="abs"), -2, CONTEXT) == 2
    assert told.seen == [("0.abs", "began"), ("0.abs", "hello")]


async def test_an_introduced_step_that_calls_itself_is_seen_as_often(told: Told) -> None:
    """A call of its own was taken for `super().execute()` and not seen."""
    await introduced("hello", Countdown(), 2, CONTEXT)
    assert told.paths == ["0.down", "0.down/down", "0.down/down/down"]
    assert told.records == [("0.down", "hello")]


async def test_a_subclass_that_calls_its_base_is_seen_once(told: Told) -> None:
    class Further(Countdown):
        async def execute(self, input_data: int, context: WorkflowContext | None = None) -> int:
            return await super().execute(input_data, context)

    await introduced("hello", Further(), 0, CONTEXT)
    assert told.paths == ["0.down"]


async def test_an_error_goes_through_an_introduced_call(told: Told) -> None:
    with pytest.raises(LookupError):
        await introduced("hello", LambdaPrimitive(failing), 1, CONTEXT)


async def test_every_item_of_a_map_tells_its_index(told: Told) -> None:
    async for _ in LambdaPrimitive(failing, name="step").map(range(3), concurrency=1):
        pass
    assert told.records == [("0.step", MapItemRecord(index)) for index in range(3)]


@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "unordered"])
async def test_a_map_within_a_call_tells_how_it_ended(told: Told, ordered: bool) -> None:
    async def fan_out(count: int) -> int:
        step = LambdaPrimitive(failing, name="step")
        return len([item async for item in step.map(range(count), ordered=ordered)])

    await LambdaPrimitive(fan_out, name="fan").execute(5)
    assert told.records[-1] == ("0.fan", MapRecord("step", 5, 2, complete=True))
    assert told.paths == ["0.fan", *["0.fan/step"] * 5]


@pytest.mark.parametrize("on_error", ["keep", "raise"])
async def test_a_map_that_was_left_early_says_so(told: Told, on_error: Any) -> None:
    """Its counts are those of the part that was worked."""

    async def first_one(count: int) -> None:
        items = LambdaPrimitive(failing, name="step").map(
            range(count), on_error=on_error, concurrency=1
        )
        try:
            async for item in items:
                if not item.ok:
                    break
        finally:
            await items.aclose()

    try:
        await LambdaPrimitive(first_one, name="fan").execute(1000)
    except LookupError:
        assert on_error == "raise"
    path, record = told.records[-1]
    assert (path, type(record)) == ("0.fan", MapRecord)
    assert isinstance(record, MapRecord)
    assert not record.complete
    assert 2 <= record.items <= 4
    assert record.failed == record.items // 2


async def test_a_map_that_is_closed_elsewhere_is_not_told_there(told: Told) -> None:
    """A generator that was abandoned is closed within whatever call runs then."""

    async def begin(_: int) -> Any:
        items = LambdaPrimitive(failing, name="step").map(range(100))
        await anext(items)
        return items

    items = await LambdaPrimitive(begin, name="begin").execute(0)
    await LambdaPrimitive(lambda _: items.aclose(), name="close").execute(0)
    assert [path for path, record in told.records if type(record) is MapRecord] == []


async def test_a_map_whose_source_breaks_is_not_complete(told: Told) -> None:
    async def source() -> AsyncIterator[int]:
        yield 0
        raise ConnectionError

    async def fan_out(_: int) -> None:
        async for _item in LambdaPrimitive(failing, name="step").map(source()):
            pass

    with pytest.raises(ConnectionError):
        await LambdaPrimitive(fan_out, name="fan").execute(0)
    assert told.records[-1] == ("0.fan", MapRecord("step", 1, 0, complete=False))


async def test_a_step_that_maps_itself_is_seen_as_often_as_it_runs(told: Told) -> None:
    """The record of an item was taken for one of the call around the map."""

    class Tree(WorkflowPrimitive[int, int]):
        name = "tree"

        async def execute(self, input_data: int, context: WorkflowContext | None = None) -> int:
            if input_data == 0:
                return 1
            items = [item async for item in self.map([input_data - 1] * 2)]
            return sum(item.value or 0 for item in items)

    assert await Tree().execute(1) == 2
    assert told.paths == ["0.tree", "0.tree/tree", "0.tree/tree"]
    assert told.records == [("0.tree", MapRecord("tree", 2, 0, complete=True))]
