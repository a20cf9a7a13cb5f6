"""The idempotency keys of the steps of a saga."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.core.parallel import ParallelPrimitive
from tta_dev_primitives.core.sequential import SequentialPrimitive
from tta_dev_primitives.recovery.compensation import Effect, SagaPrimitive, idempotency_key
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive


class Bank:
    """Notes under which key it is called; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.keys: list[str | None] = []

    async def pay(self, x: str) -> str:
        await asyncio.sleep(0)
        self.keys.append(idempotency_key())
        if len(self.keys) <= self.failures:
            raise ConnectionError
        return x

    async def refund(self, effect: Effect[str, str]) -> None:
        await asyncio.sleep(0)
        self.keys += [idempotency_key(), effect.key]


AT_ONCE = RetryStrategy(max_retries=5, initial_delay=0)


async def test_attempts_and_undo_have_the_key_of_their_step(clock: FakeClock) -> None:
    bank = Bank(failures=2)
    saga = SagaPrimitive(RetryPrimitive(bank.pay, AT_ONCE, clock=clock), undo=bank.refund)
    with pytest.raises(ValueError):
        await saga.then(MockPrimitive(raise_error=ValueError()), None).execute("x")
    assert len(bank.keys) == 3 + 2
    assert len(set(bank.keys)) == 1
    assert None not in bank.keys


async def test_each_step_has_a_key_of_its_own() -> None:
    bank = Bank()
    await SagaPrimitive(bank.pay, undo=None).then(bank.pay, None).execute("x")
    assert len(set(bank.keys)) == 2


async def test_each_run_has_keys_of_its_own() -> None:
    """A retry of the whole saga must not be answered with the payment that was refunded."""
    bank = Bank()
    saga = SagaPrimitive(bank.pay, undo=None)
    context = WorkflowContext(correlation_id="one request")
    await asyncio.gather(*[saga.execute("x", context) for _ in range(3)])
    assert len(set(bank.keys)) == 3


async def test_branches_and_threads_of_a_step_know_its_key() -> None:
    bank = Bank()

    async def in_thread(x: str) -> None:
        bank.keys.append(await asyncio.to_thread(idempotency_key))

    await SagaPrimitive(ParallelPrimitive([bank.pay, in_thread]), undo=None).execute("x")
    assert len(bank.keys) == 2
    assert len(set(bank.keys)) == 1
    assert None not in bank.keys


async def test_inner_saga_has_keys_of_its_own_and_the_outer_ones_come_back() -> None:
    bank = Bank()
    inner = SagaPrimitive(bank.pay, undo=None)
    await SagaPrimitive(SequentialPrimitive([bank.pay, inner, bank.pay]), undo=None).execute("x")
    before, inside, afterwards = bank.keys
    assert before == afterwards != inside


@pytest.mark.parametrize("error", [None, ValueError()], ids=["ok", "failed"])
async def test_there_is_no_key_after_the_saga(error: Exception | None) -> None:
    saga = SagaPrimitive(MockPrimitive(raise_error=error), undo=MockPrimitive())
    with contextlib.suppress(ValueError):
        await saga.execute("x")
    assert idempotency_key() is None


def test_abandoned_run_can_be_closed_from_elsewhere() -> None:
    """A loop that is thrown away closes its coroutines in another context."""
    saga = SagaPrimitive(lambda x: asyncio.sleep(60), undo=None)

    async def begin() -> Any:
        running = saga.execute("x")
        running.send(None)
        return running

    asyncio.run(begin()).close()
