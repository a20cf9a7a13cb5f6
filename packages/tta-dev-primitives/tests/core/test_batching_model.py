"""Batches under random arrivals, cancellations and failures against a model that keeps a list."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.batching import BatchPrimitive
from tta_dev_primitives.errors import BatchError
from tta_dev_primitives.testing import FakeClock, settle

Verb = Literal["ask", "cancel", "pass", "answer", "fail", "short"]


@dataclass(frozen=True)
class Move:
    verb: Verb
    number: int


moves = st.lists(
    st.builds(
        Move,
        verb=st.sampled_from(["ask", "ask", "ask", "cancel", "pass", "answer", "fail", "short"]),
        number=st.integers(0, 20),
    ),
    max_size=30,
)


class Model:
    """What must come of every call: a number, an error, a cancellation, or nothing yet."""

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self.gathering: list[int] = []
        self.under_way: list[list[int]] = []
        self.sent: list[list[int]] = []
        self.fates: dict[int, str] = {}

    def send(self) -> None:
        if self.gathering:
            self.sent.append(self.gathering)
            self.under_way.append(list(self.gathering))
        self.gathering = []

    def play(self, move: Move) -> None:
        if move.verb == "ask":
            self.fates[len(self.fates)] = "open"
            self.gathering.append(len(self.fates) - 1)
            if len(self.gathering) == self.max_size:
                self.send()
        elif move.verb == "cancel" and self.fates.get(move.number) == "open":
            self.fates[move.number] = "cancelled"
            for batch in [self.gathering, *self.under_way]:
                if move.number in batch:
                    batch.remove(move.number)
            self.under_way = [batch for batch in self.under_way if batch]
        elif move.verb == "pass":
            self.send()
        elif move.verb in ("answer", "fail", "short") and self.under_way:
            chosen = self.under_way.pop(move.number % len(self.under_way))
            self.fates.update(dict.fromkeys(chosen, move.verb))


class Real:
    """The primitive, played move by move."""

    def __init__(self, max_size: int) -> None:
        self.clock = FakeClock()
        self.sent: list[list[int]] = []
        self.running: list[tuple[list[int], asyncio.Future[str]]] = []
        self.calls: list[asyncio.Task[int]] = []
        self.batch = BatchPrimitive(
            self.step, max_size=max_size, window_seconds=1, clock=self.clock
        )

    async def step(self, xs: list[int]) -> list[int]:
        self.sent.append(list(xs))
        mine = (xs, asyncio.get_running_loop().create_future())
        self.running.append(mine)
        try:
            how = await mine[1]
        finally:
            await asyncio.sleep(0)
            self.running.remove(mine)
        if how == "fail":
            raise LookupError
        return [x * 2 for x in xs][how == "short" :]

    async def play(self, move: Move) -> None:
        if move.verb == "ask":
            self.calls.append(asyncio.ensure_future(self.batch.execute(len(self.calls))))
        elif move.verb == "cancel" and move.number < len(self.calls):
            self.calls[move.number].cancel()
        elif move.verb == "pass":
            await self.clock.sleep_through(1)
        elif move.verb in ("answer", "fail", "short") and self.running:
            self.running[move.number % len(self.running)][1].set_result(move.verb)
        await settle()

    def fate(self, number: int) -> str:
        call = self.calls[number]
        if not call.done():
            return "open"
        if call.cancelled():
            return "cancelled"
        error = call.exception()
        if error is None:
            assert call.result() == number * 2
            return "answer"
        return "fail" if isinstance(error, LookupError) else "short" * isinstance(error, BatchError)


async def both(max_size: int, played: list[Move]) -> None:
    model, real = Model(max_size), Real(max_size)
    for move in played:
        model.play(move)
        await real.play(move)
        assert [real.fate(number) for number in range(len(real.calls))] == [*model.fates.values()]
        assert real.sent == model.sent
        assert len(real.running) == len(model.under_way)
        assert real.batch.waiting == len(model.gathering)
        assert real.clock.pending == bool(model.gathering)
    for call in real.calls:
        call.cancel()
    await asyncio.gather(*real.calls, return_exceptions=True)
    assert (real.running, real.batch.waiting, real.clock.pending) == ([], 0, 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@settings(max_examples=120, deadline=None)
@given(st.integers(1, 4), moves)
def test_every_call_ends_as_in_the_model_and_the_books_are_balanced(
    max_size: int, played: list[Move]
) -> None:
    """However callers come, leave and fail: the same batches, the same ends, nothing left."""
    asyncio.run(both(max_size, played))
