"""The steps of a saga, what each did in one run, and the key by which others know it."""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from tta_dev_primitives.core.base import WorkflowPrimitive

Given = TypeVar("Given", covariant=True)
Made = TypeVar("Made", covariant=True)


@dataclass(frozen=True, slots=True)
class SagaStep:
    """One step of a saga.

    Attributes:
        action: What the step does.
        undo: Undoes it; None where there is nothing to undo.
        takes_effect: Whether *undo* gets the `Effect`, or only the input of *action*.
        atomic: Whether an action that raised, or was cancelled, has changed nothing.
    """

    action: WorkflowPrimitive[Any, Any]  # Any: each step has types of its own
    undo: WorkflowPrimitive[Any, Any] | None
    takes_effect: bool
    atomic: bool


class Effect(Generic[Given, Made]):
    """What one step of a saga did in one run, or may have done: what its undo gets.

    Args:
        step: Name of the step.
        key: The idempotency key that the step had, the same in each of its attempts.
        input: What the step got.
        result: What it returned.
        error: What it raised instead, a cancellation included.
    """

    __slots__ = ("_result", "error", "input", "key", "step")

    def __init__(
        self,
        step: str,
        key: str,
        input: Given,  # noqa: A002 - the word for it everywhere else
        *,
        result: Made | None = None,
        error: BaseException | None = None,
    ) -> None:
        self.step, self.key, self.input, self.error = step, key, input, error
        self._result: Any = result  # Any: None stands for no result, and is one

    @property
    def finished(self) -> bool:
        """Whether the step returned. Otherwise it may have done all, some or nothing."""
        return self.error is None

    @property
    def result(self) -> Made:
        """What the step returned.

        Raises:
            RuntimeError: It did not finish.
        """
        if self.error is not None:
            msg = (
                f"{self.step} did not finish, so it has no result; test effect.finished, undo by "
                "effect.key, or say atomic=True where a step that fails has done nothing"
            )
            raise RuntimeError(msg) from self.error
        return self._result

    def __repr__(self) -> str:
        # Without the values: they are other people's data, and reprs end up in logs.
        end = "finished" if self.finished else type(self.error).__name__
        return f"Effect({self.step!r}, {self.key!r}, {end})"


_key: ContextVar[str | None] = ContextVar("tta_idempotency_key", default=None)


def idempotency_key() -> str | None:
    """Return the key of the step of a saga that this code runs in, or None outside of sagas.

    It is the same in every attempt of the step and in its undo, and another one in each run and
    for each step. Of sagas within sagas the innermost counts. Tasks and threads that the step
    begins (`asyncio.to_thread`) know it too.
    """
    return _key.get()


class UnderKey:
    """Makes *key* that of the code inside the block."""

    __slots__ = ("_key", "_token")

    def __init__(self, key: str) -> None:
        self._key = key

    def __enter__(self) -> None:
        self._token: Token[str | None] = _key.set(self._key)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # An abandoned call is closed in the context of whoever collects it: nothing to put back.
        if kind is not GeneratorExit:
            _key.reset(self._token)
