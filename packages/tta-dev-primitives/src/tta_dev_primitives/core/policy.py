"""Primitives that wrap another one: usable around a step, as a decorator, or as a shared policy."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.errors import ConfigurationError

from .base import In, Out, Step, WorkflowPrimitive, X, Y, as_primitive

if TYPE_CHECKING:
    from collections.abc import Sequence


class PolicyPrimitive(WorkflowPrimitive[In, Out]):
    """Wrap a step in one of three ways.

    `Policy(step, ...)` wraps one step; `@Policy(...)` decorates a function; `policy = Policy(...)`
    followed by `policy.wrap(a)` and `policy.wrap(b)` puts both under the same policy, with the
    state they share (a cache's store, a limiter's tokens) shared between them.
    """

    _primitive: WorkflowPrimitive[Any, Any] | None

    def __init__(self, primitive: Step[In, Out] | None, *, name: str = "") -> None:
        self._primitive = None if primitive is None else as_primitive(primitive)
        self.name = name

    @property
    def primitive(self) -> WorkflowPrimitive[In, Out]:
        """The step inside.

        Raises:
            ConfigurationError: This is a policy without a step.
        """
        if self._primitive is None:
            kind = type(self).__name__
            msg = f"this {kind} wraps nothing yet; use {kind}(step, ...) or .wrap(step)"
            raise ConfigurationError(msg)
        return self._primitive

    def wrap(self, primitive: Step[X, Y]) -> PolicyPrimitive[X, Y]:
        """Return this policy around *primitive*, sharing the policy's state."""
        wrapped = cast("PolicyPrimitive[X, Y]", copy.copy(self))
        wrapped._primitive = as_primitive(primitive)
        return wrapped

    def __call__(self, primitive: Step[X, Y]) -> PolicyPrimitive[X, Y]:
        """Decorate a function: the same as `wrap`."""
        return self.wrap(primitive)

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the step inside, if there is one."""
        return [] if self._primitive is None else [("", self._primitive)]
