"""Steps that hold the event loop are found by name and line; steps that wait are not."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import math
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tta_dev_primitives import (
    FallbackPrimitive,
    LambdaPrimitive,
    SequentialPrimitive,
    TimeoutPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives import TimeoutError as OurTimeoutError
from tta_dev_primitives.core import observe as hook
from tta_dev_primitives.core.base import FRESH
from tta_dev_primitives.core.blocking import BlockingCall, Place, detect_blocking
from tta_dev_primitives.errors import ConfigurationError

LOGGER = "tta_dev_primitives.core.blocking"


def hold_on(seconds: float) -> None:
    time.sleep(seconds)


def blocks(x: Any) -> Any:
    hold_on(0.2)
    return x


async def blocks_between_waits(x: Any) -> Any:
    await asyncio.sleep(0)
    hold_on(0.2)
    await asyncio.sleep(0)
    return x


def computes(x: Any) -> Any:
    until = time.perf_counter() + 0.2
    while time.perf_counter() < until:
        pass
    return x


class Blocks(WorkflowPrimitive[Any, Any]):
    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        return blocks(input_data)


class BlocksInStream(WorkflowPrimitive[Any, Any]):
    async def stream(
        self, input_data: Any, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:
        yield "a"
        hold_on(0.2)
        yield "b"


@pytest.mark.parametrize(
    ("step", "path", "function"),
    [
        (LambdaPrimitive(blocks), "0.blocks", "hold_on"),
        (LambdaPrimitive(blocks_between_waits), "0.blocks_between_waits", "hold_on"),
        (LambdaPrimitive(computes), "0.computes", "computes"),
        (Blocks(), "0", "hold_on"),
        (BlocksInStream(), "0", "hold_on"),
        (FallbackPrimitive(Blocks(), Blocks()), "0/0", "hold_on"),
    ],
    ids=["sync function", "async function", "computing", "primitive", "stream", "nested"],
)
async def test_step_that_holds_the_loop_is_named_with_its_line(
    step: WorkflowPrimitive[Any, Any],
    path: str,
    function: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once, by the innermost primitive, with the time that nothing else could run."""
    with detect_blocking(threshold_seconds=0.05) as found:
        await step.execute("x")
    (call,) = found
    assert call.path == path
    assert call.primitive == path.rpartition(".")[2] or type(step).__name__.startswith(
        (call.primitive, "Fallback")
    )
    assert 0.2 <= call.seconds < 2
    assert call.place is not None
    assert (call.place.file, call.place.function) == (__file__, function)
    assert [(record.name, record.levelname) for record in caplog.records] == [(LOGGER, "WARNING")]
    assert caplog.messages == [str(call)]


async def sleeps(x: Any) -> Any:
    await asyncio.sleep(0.3)
    return x


async def waits_for_a_thread(x: Any) -> Any:
    await asyncio.to_thread(blocks, x)


async def yields_often(x: Any) -> Any:
    for _ in range(30):
        hold_on(0.01)
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "function", [sleeps, waits_for_a_thread, yields_often], ids=lambda function: function.__name__
)
async def test_step_that_waits_is_not_found_however_long_it_takes(function: Any) -> None:
    """Waiting is what an event loop is for."""
    with detect_blocking(threshold_seconds=0.15) as found:
        await LambdaPrimitive(function).execute("x")
    assert found == []


async def test_reader_of_a_stream_is_no_step_of_it() -> None:
    """What the consumer does between two chunks holds the loop, but not inside the primitive."""
    with detect_blocking(threshold_seconds=0.05) as found:
        async for _ in LambdaPrimitive(str.upper).stream("x"):
            hold_on(0.2)
    assert found == []


async def test_short_steps_that_never_wait_are_found_as_what_is_made_of_them() -> None:
    """Nobody else gets a turn between them."""
    workflow = SequentialPrimitive([lambda x: hold_on(0.06)] * 4, name="four")
    with detect_blocking(threshold_seconds=0.2) as found:
        await workflow.execute("x")
    (call,) = found
    assert (call.primitive, call.path) == ("four", "0.four")
    assert call.place is not None
    assert call.place.function == "hold_on"


async def test_what_was_told_of_a_step_is_not_told_of_the_one_around_it() -> None:
    """But the rest of the outer step is, where it takes long by itself."""

    class Outer(WorkflowPrimitive[Any, Any]):
        async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
            await Blocks().execute(input_data, context)
            computes(input_data)

    with detect_blocking(threshold_seconds=0.1) as found:
        await Outer().execute("x")
    assert [call.path for call in found] == ["0/Blocks", "0"]
    assert found[1].seconds < found[0].seconds + 0.15
    assert [call.place and call.place.function for call in found] == ["hold_on", "computes"]


async def test_line_of_the_step_stands_before_the_line_of_the_library() -> None:
    """The library is not to blame."""

    def asks(x: str) -> None:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.2)"], check=True)

    with detect_blocking(threshold_seconds=0.1) as found:
        await LambdaPrimitive(asks).execute("x")
    place = found[0].place
    assert place is not None
    assert place.function.endswith("asks")
    assert place.inside is not None
    assert "subprocess.py:" in place.inside


async def test_function_of_a_library_as_a_step_is_its_own_line() -> None:
    """There is no line of the user's."""
    with detect_blocking(threshold_seconds=0.1) as found:
        await LambdaPrimitive(subprocess.getoutput).execute("sleep 0.2")
    place = found[0].place
    assert place is not None
    assert place.file == subprocess.__file__
    assert place.function == "getoutput"


async def test_step_that_hangs_is_told_before_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    """One that never ends would be told never."""
    told: list[str] = []

    def hangs(x: str) -> None:
        until = time.perf_counter() + 5
        while not caplog.messages and time.perf_counter() < until:
            time.sleep(0.01)
        told.extend(caplog.messages)

    with detect_blocking(threshold_seconds=0.02) as found:
        await LambdaPrimitive(hangs).execute("x")
    assert len(told) == 1
    assert told[0].startswith("hangs (0.hangs) held the event loop for 0.")
    assert told[0].endswith("and holds it still")
    assert [call.primitive for call in found] == ["hangs"]
    assert len(caplog.messages) == 2


async def test_results_errors_and_cancellation_pass_unchanged(recorder: Any) -> None:
    """Looking changes nothing for the step, its callers and other observers."""
    cleaned: list[str] = []

    async def cleans(x: Any) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            cleaned.append(x)
            raise

    def fails(x: Any) -> Any:
        raise LookupError(x)

    with detect_blocking() as found:
        assert await (LambdaPrimitive(sleeps) >> str.upper).execute("x") == "X"
        with pytest.raises(LookupError, match="why"):
            await LambdaPrimitive(fails).execute("why")
        with pytest.raises(OurTimeoutError):
            await TimeoutPrimitive(cleans, 0.01).execute("limit")
        task = asyncio.create_task(LambdaPrimitive(cleans).execute("task"))
        await asyncio.sleep(0)
        task.cancel("message")
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.args == ("message",)
        assert [chunk async for chunk in BlocksQuickly().stream("x")] == ["a", "b"]
    assert cleaned == ["limit", "task"]
    assert found == []
    assert recorder.log[-2:] == ["start 0", "end 0 ok"]
    assert "end 0.cleans cancelled" in recorder.log


class BlocksQuickly(WorkflowPrimitive[Any, Any]):
    async def stream(
        self, input_data: Any, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:
        await asyncio.sleep(0)
        yield "a"
        yield "b"


async def test_call_that_is_thrown_away_still_cleans_up() -> None:
    """A coroutine that is closed in the middle closes the step inside."""
    closed: list[str] = []

    async def waits(x: str) -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(x)

    with detect_blocking():
        call: Any = LambdaPrimitive(waits).execute("x")

        async def begin() -> None:
            call.send(None)

        await asyncio.create_task(begin())
        call.close()
    assert closed == ["x"]


async def test_cleaning_up_that_waits_is_told_to_who_throws_the_call_away() -> None:
    """As it is without anybody looking."""

    async def clings(x: str) -> None:
        try:
            await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)

    with detect_blocking():
        call: Any = LambdaPrimitive(clings).execute("x")

        async def begin() -> None:
            call.send(None)

        await asyncio.create_task(begin())
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            call.close()


async def test_error_thrown_into_a_step_is_not_kept_by_it() -> None:
    """A cycle through a traceback would keep what it holds until the collector comes."""

    class Held:
        pass

    async def survives(x: Any) -> Any:
        held = Held()
        references.append(weakref.ref(held))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        del held
        await asyncio.sleep(0)
        return references[0]()

    references: list[Any] = []
    gc.disable()
    try:
        with detect_blocking():
            task = asyncio.create_task(LambdaPrimitive(survives).execute("x"))
            await asyncio.sleep(0)
            task.cancel()
            assert await task is None
    finally:
        gc.enable()


@pytest.mark.parametrize("raises", [False, True], ids=["left", "raised out of"])
async def test_thread_and_observer_end_with_the_block(raises: bool) -> None:
    """However it ends."""
    before = threading.active_count()
    try:
        with detect_blocking():
            assert threading.active_count() == before + 1
            await LambdaPrimitive(sleeps).execute("x")
            if raises:
                raise LookupError
    except LookupError:
        pass
    assert threading.active_count() == before
    assert hook.active is None


async def test_each_detection_has_a_threshold_of_its_own() -> None:
    """They may be nested."""
    with (
        detect_blocking(threshold_seconds=0.1) as found,
        detect_blocking(threshold_seconds=9) as no,
    ):
        await LambdaPrimitive(blocks).execute("x")
    assert [call.primitive for call in found] == ["blocks"]
    assert no == []


def test_loops_of_several_threads_are_told_apart() -> None:
    """Each step stands in its own thread; the sleeping ones run at the same time."""
    with detect_blocking(threshold_seconds=0.1) as found:
        threads = [
            threading.Thread(target=LambdaPrimitive(step, name=name).run, args=("x",))
            for name, step in (("a", blocks), ("b", sleeps), ("c", computes))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    places = {call.primitive: call.place and call.place.function for call in found}
    assert places == {"a": "hold_on", "c": "computes"}


@pytest.mark.parametrize("threshold", [0, -1, math.inf, math.nan])
def test_threshold_that_makes_no_sense_is_refused(threshold: float) -> None:
    """With the value and what would do."""
    refused = pytest.raises(ConfigurationError, match=f"positive and finite, got {threshold!r}")
    with refused, detect_blocking(threshold_seconds=threshold):
        pass


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (None, "ask (0.ask) held the event loop for 0.250 s in code that let no thread look"),
        (
            Place("app.py", 7, "ask"),
            "ask (0.ask) held the event loop for 0.250 s at app.py:7 in ask",
        ),
        (
            Place("app.py", 7, "f", "ssl.py:9 in g"),
            "ask (0.ask) held the event loop for 0.250 s at app.py:7 in f (inside ssl.py:9 in g)",
        ),
    ],
    ids=["unseen", "seen", "in a library"],
)
def test_finding_reads_as_one_line(place: Place | None, text: str) -> None:
    """For a log."""
    assert str(BlockingCall("ask", "0.ask", 0.25, place)) == text


async def test_warning_carries_the_finding_as_data(caplog: pytest.LogCaptureFixture) -> None:
    """So a handler need not read the text."""
    caplog.set_level(logging.WARNING, LOGGER)
    with detect_blocking(threshold_seconds=0.1) as found:
        await LambdaPrimitive(blocks).execute("x")
    assert caplog.records[0].args == (found[0],)
