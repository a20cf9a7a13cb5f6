"""The primitive that does what the test says, tested."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives import LambdaPrimitive, WorkflowContext
from tta_dev_primitives.testing import MockPrimitive
from tta_dev_primitives.testing.mocks import MockPrimitive as SameMockPrimitive


async def later(x: int, context: WorkflowContext) -> int:
    context.state["seen"] = True
    await asyncio.sleep(0)
    return x + 1


@pytest.mark.parametrize(
    ("mock", "expected"),
    [
        (MockPrimitive(), None),
        (MockPrimitive("m", return_value=7), 7),
        (MockPrimitive("m", side_effect=lambda x, context: x * 2), 6),
        (MockPrimitive("m", side_effect=later), 4),
        (MockPrimitive("m", return_value=7, side_effect=later), 4),
    ],
    ids=["nothing", "return value", "side effect", "async side effect", "side effect first"],
)
async def test_mock_answers_as_told(mock: MockPrimitive, expected: object) -> None:
    """Each call the same."""
    assert await mock.execute(3) == expected
    assert await mock.execute(3) == expected
    assert mock.call_count == 2


@pytest.mark.parametrize("side_effect", [None, later], ids=["alone", "before a side effect"])
async def test_mock_raises_as_told(side_effect: Any) -> None:
    """The very error, each time, and the call counts."""
    error = LookupError("x")
    mock = MockPrimitive("m", return_value=7, raise_error=error, side_effect=side_effect)
    for _ in range(2):
        with pytest.raises(LookupError) as caught:
            await mock.execute(1)
        assert caught.value is error
    assert mock.call_count == 2


async def test_list_scripts_one_outcome_per_call() -> None:
    """Values are returned, errors raised; one call too many is the test's mistake."""
    mock = MockPrimitive("m", side_effect=[1, LookupError("two"), None])
    assert await mock.execute("x") == 1
    with pytest.raises(LookupError, match="two"):
        await mock.execute("x")
    assert await mock.execute("x") is None
    with pytest.raises(AssertionError, match="m was called 4 times, but only 3 outcomes are scri"):
        await mock.execute("x")


async def test_script_begins_anew_after_a_reset() -> None:
    """`reset` forgets the calls and keeps the instructions."""
    mock = MockPrimitive("m", side_effect=[1])
    assert await mock.execute("x") == 1
    mock.reset()
    assert (mock.call_count, mock.calls) == (0, [])
    assert await mock.execute("x") == 1


async def test_mock_remembers_inputs_and_contexts() -> None:
    """In the order of the calls."""
    mock, context = MockPrimitive("m"), WorkflowContext()
    await mock.execute("a", context)
    await mock.execute("b")
    assert [x for x, _ in mock.calls] == ["a", "b"]
    assert mock.calls[0][1] is context
    assert isinstance(mock.calls[1][1], WorkflowContext)


async def test_mock_stands_in_for_any_step() -> None:
    """In sequences, side by side, and with plain functions."""
    mock = MockPrimitive("m", return_value=1)
    assert await (LambdaPrimitive(str) >> mock >> (lambda x: x + 1)).execute("x") == 2
    assert await (mock | mock).execute("x") == [1, 1]
    assert mock.call_count == 3
    assert repr(mock) == "<MockPrimitive 'm'>"


def test_mock_is_found_in_both_places() -> None:
    """`testing` and, as in 0.1, `testing.mocks`."""
    assert MockPrimitive is SameMockPrimitive
