"""Sagas of several steps: what runs, what is undone in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tta_dev_primitives.core.base import LambdaPrimitive, WorkflowContext
from tta_dev_primitives.errors import CompensationError, ConfigurationError, TimeoutError  # noqa: A004
from tta_dev_primitives.recovery.compensation import (
    Effect,
    SagaPrimitive,
)
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive


class Desk:
    """Steps `a`, `b`, ... and their undos, all of which write into one log."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.effects: list[Effect[Any, Any]] = []

    def does(self, name: str, error: BaseException | None = None) -> LambdaPrimitive[str, str]:
        def act(x: str) -> str:
            self.log.append(name)
            if error is not None:
                raise error
            return x + name

        return LambdaPrimitive(act, name=name)

    def undoes(self, name: str) -> Callable[[Effect[str, str]], None]:
        def undo(effect: Effect[str, str]) -> None:
            self.log.append(f"-{name}")
            self.effects.append(effect)

        return undo

    def saga(self, *names: str) -> SagaPrimitive[str, str]:
        """A saga of these steps; the one with a `!` fails."""
        first, *others = [self._step(name) for name in names]
        saga = SagaPrimitive(first[0], undo=first[1])
        for action, undo in others:
            saga = saga.then(action, undo)
        return saga

    def _step(self, name: str) -> Any:
        bare = name.rstrip("!")
        error = ValueError(bare) if bare != name else None
        return self.does(bare, error), self.undoes(bare)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_each_step_gets_the_result_of_the_one_before(desk: Desk) -> None:
    assert await desk.saga("a", "b", "c").execute("x") == "xabc"
    assert desk.log == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("names", "log"),
    [
        (["a!", "b"], ["a", "-a"]),
        (["a", "b!", "c"], ["a", "b", "-b", "-a"]),
        (["a", "b", "c!"], ["a", "b", "c", "-c", "-b", "-a"]),
    ],
    ids=["first", "middle", "last"],
)
async def test_steps_are_undone_last_first_with_the_one_that_failed(
    desk: Desk, names: list[str], log: list[str]
) -> None:
    """Steps that never began are not undone, and the one that failed may have done part."""
    with pytest.raises(ValueError):
        await desk.saga(*names).execute("x")
    assert desk.log == log


async def test_undo_gets_what_its_step_got_and_returned(desk: Desk) -> None:
    with pytest.raises(ValueError) as caught:
        await desk.saga("a", "b", "c!").execute("x")
    failed, *finished = desk.effects
    assert [(one.step, one.input, one.result) for one in finished] == [
        ("b", "xa", "xab"),
        ("a", "x", "xa"),
    ]
    assert (failed.step, failed.input, failed.finished) == ("c", "xab", False)
    assert failed.error is caught.value


async def test_step_that_failed_has_no_result_to_undo(desk: Desk) -> None:
    """An undo that takes the result for granted fails by name instead of undoing None."""
    saga = SagaPrimitive(
        desk.does("a", ValueError()), undo=lambda effect: desk.log.append(effect.result)
    )
    with pytest.raises(CompensationError, match="a did not finish, so it has no result"):
        await saga.execute("x")


async def test_result_may_be_none() -> None:
    assert Effect("a", "key-1", "x", result=None).result is None


def test_effect_shows_no_values() -> None:
    """Inputs and results are other people's data, and reprs end up in logs."""
    assert repr(Effect("pay", "k-1", "card 4711", result="secret")) == (
        "Effect('pay', 'k-1', finished)"
    )
    assert repr(Effect("pay", "k-1", "card 4711", error=ValueError("secret"))) == (
        "Effect('pay', 'k-1', ValueError)"
    )


@pytest.mark.parametrize("fails", [True, False], ids=["failed", "finished"])
async def test_atomic_step_is_undone_only_when_it_finished(desk: Desk, fails: bool) -> None:
    saga = SagaPrimitive(desk.does("a"), undo=desk.undoes("a")).then(
        desk.does("b", ValueError() if fails else None), desk.undoes("b"), atomic=True
    )
    saga = saga.then(desk.does("c", ValueError()), None)
    with pytest.raises(ValueError):
        await saga.execute("x")
    assert desk.log == (["a", "b", "-a"] if fails else ["a", "b", "c", "-b", "-a"])


async def test_single_atomic_step_with_a_compensation_is_not_undone(desk: Desk) -> None:
    saga = SagaPrimitive(desk.does("a", ValueError()), desk.does("undo"), atomic=True)
    with pytest.raises(ValueError):
        await saga.execute("x")
    assert desk.log == ["a"]


async def test_compensation_gets_the_input_alone_in_a_longer_saga_too(desk: Desk) -> None:
    saga = SagaPrimitive(desk.does("a"), desk.does("release")).then(
        desk.does("b", ValueError()), desk.undoes("b")
    )
    with pytest.raises(ValueError):
        await saga.execute("x")
    assert desk.log == ["a", "b", "-b", "release"]


async def test_longer_saga_leaves_the_shorter_one_as_it_was(desk: Desk) -> None:
    short = desk.saga("a")
    one, other = short.then(desk.does("b"), None), short.then(desk.does("c"), None)
    assert [await saga.execute("x") for saga in (short, one, other)] == ["xa", "xab", "xac"]


async def test_saga_given_alone_adds_its_steps(desk: Desk) -> None:
    """A part that has finished is undone step by step when a later part fails."""
    whole = desk.saga("a", "b").then(desk.saga("c", "d")).then(desk.saga("e!"))
    with pytest.raises(ValueError):
        await whole.execute("x")
    assert desk.log == ["a", "b", "c", "d", "e", "-e", "-d", "-c", "-b", "-a"]


async def test_saga_with_an_undo_of_its_own_is_one_step(desk: Desk) -> None:
    """It undoes itself while it runs, and is undone as a whole once it has finished."""
    inner = desk.saga("b", "c")
    whole = desk.saga("a").then(inner, desk.undoes("bc")).then(desk.does("d", OSError()), None)
    with pytest.raises(OSError):
        await whole.execute("x")
    assert desk.log == ["a", "b", "c", "d", "-bc", "-a"]


async def test_saga_inside_a_step_is_undone_before_the_step(desk: Desk) -> None:
    inner = desk.saga("b", "c!")
    whole = desk.saga("a").then(desk.does("to") >> inner, desk.undoes("inner"))
    with pytest.raises(ValueError):
        await whole.execute("x")
    assert desk.log == ["a", "to", "b", "c", "-c", "-b", "-inner", "-a"]


async def test_saga_is_a_step_of_a_sequence(desk: Desk) -> None:
    assert await (desk.does("z") >> desk.saga("a", "b") >> len).execute("x") == 4


async def test_stream_of_a_saga_is_its_result(desk: Desk) -> None:
    assert [chunk async for chunk in desk.saga("a", "b").stream("x")] == ["xab"]


async def test_stream_of_a_saga_that_fails_is_undone(desk: Desk) -> None:
    with pytest.raises(ValueError):
        async for _ in desk.saga("a", "b!").stream("x"):
            pass
    assert desk.log == ["a", "b", "-b", "-a"]


def test_steps_and_their_undos_are_its_children() -> None:
    a, undo_a, b, c, undo_c = (MockPrimitive(name) for name in "aAbcC")
    saga = SagaPrimitive(a, undo=undo_a).then(b, None).then(c, undo_c)
    assert saga.children() == [
        ("forward 1", a),
        ("compensation 1", undo_a),
        ("forward 2", b),
        ("forward 3", c),
        ("compensation 3", undo_c),
    ]
    assert (saga.forward, saga.compensation) == (a, undo_a)


SAGA: Any = SagaPrimitive  # not all callers check types


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: SAGA(str), "either compensation= or undo="),
        (lambda: SAGA(str, str, undo=None), "either compensation= or undo="),
        (lambda: SAGA(str, undo=None).then(str), "needs an undo; say None"),
        (lambda: SAGA(str, str).then(SAGA(str, str), atomic=True), "needs an undo; say None"),
        (lambda: SAGA(str, undo=3), "expected a primitive or a function, got 3"),
    ],
    ids=["no-undo", "two-undos", "step-without-undo", "atomic-saga", "no-step"],
)
def test_mistakes_are_told_at_once(make: Callable[[], object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        make()


async def test_undo_that_retries_does_so_within_its_time(clock: FakeClock, after: Any) -> None:
    """Waits are capped by the time for undoing, not by the caller's deadline."""
    refund = MockPrimitive("refund", raise_error=ConnectionError())
    strategy = RetryStrategy(max_retries=100, initial_delay=4, backoff_base=1, jitter=False)
    saga = SagaPrimitive(
        MockPrimitive("pay", raise_error=ValueError()),
        undo=RetryPrimitive(refund, strategy, clock=clock),
        compensation_timeout_seconds=10,
        clock=clock,
    )
    with pytest.raises(CompensationError) as caught:
        await after(12, saga.execute("x", WorkflowContext(deadline=0.5)))
    assert isinstance(caught.value.compensation_error, ConnectionError)
    assert refund.call_count == 3


async def test_timeout_around_a_saga_undoes_it(clock: FakeClock, after: Any, desk: Desk) -> None:
    slow = MockPrimitive("slow", side_effect=lambda x, context: clock.sleep(60))
    saga = desk.saga("a").then(slow, desk.undoes("slow"))
    with pytest.raises(TimeoutError, match="exceeded 5s"):
        await after(5, TimeoutPrimitive(saga, 5, clock=clock).execute("x"))
    assert desk.log == ["a", "-slow", "-a"]
