"""One of many steps, by a value or by the first predicate that holds."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, cast, overload

from tta_dev_primitives.errors import (
    CaseNotFoundError,
    ConfigurationError,
    InputTypeError,
)

from . import observe
from .base import FRESH, In, Out, Step, WorkflowPrimitive, as_primitive
from .identity import identity

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable, Iterable, Sequence

    from .context import WorkflowContext


class SwitchPrimitive(WorkflowPrimitive[In, Out]):
    """Run the step of the case that fits.

    With a mapping, *selector* computes a value and the case of an equal key runs, whatever the
    keys are: texts, numbers, members of an enum, types. With pairs of a predicate and a step, the
    first pair whose predicate holds runs; those after it are not asked. Finding a case by value
    costs one look into a dict, however many there are.

    Args:
        selector: Takes `(x, context)` and returns the value to look for; left out with predicates.
        cases: Value to step, or pairs of a predicate of `(x, context)` and a step.
        default: Runs when no case fits.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: There are no cases, or they and *selector* do not go together.
        CaseNotFoundError: (when run) no case fits and there is no default.
        InputTypeError: (when run) the value cannot be looked for, because it is not hashable.
    """

    @overload
    def __init__(
        self,
        selector: Callable[[In, WorkflowContext], Hashable],
        cases: Mapping[Any, Step[In, Out]],  # Any: a mapping's key type accepts no wider one
        default: Step[In, Out] | None = None,
        *,
        name: str = "",
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        cases: Iterable[tuple[Callable[[In, WorkflowContext], bool], Step[In, Out]]],
        default: Step[In, Out] | None = None,
        name: str = "",
    ) -> None: ...
    def __init__(
        self,
        selector: Callable[[Any, WorkflowContext], Hashable] | None = None,
        cases: Mapping[Any, Step[Any, Any]]
        | Iterable[tuple[Callable[[Any, WorkflowContext], bool], Step[Any, Any]]] = (),
        default: Step[Any, Any] | None = None,
        *,
        name: str = "",
    ) -> None:
        self.selector = selector
        self.default: WorkflowPrimitive[In, Out] | None = (
            None if default is None else as_primitive(default)
        )
        self.name = name
        # A step with its label, by the value that chooses it.
        self._by_value: dict[Hashable, tuple[str, WorkflowPrimitive[In, Out]]] = {}
        self._by_predicate: list[
            tuple[Callable[[In, WorkflowContext], bool], str, WorkflowPrimitive[In, Out]]
        ] = []
        if isinstance(cases, Mapping):
            for value, step in cast("Mapping[Any, Step[In, Out]]", cases).items():
                self._by_value[value] = (_label(value), as_primitive(step))
        else:
            for number, (predicate, step) in enumerate(cases):
                _require_plain(predicate, "a predicate")
                label = getattr(predicate, "__name__", "").replace("<lambda>", "") or f"{number}"
                self._by_predicate.append((predicate, label, as_primitive(step)))
        self._check()

    def _check(self) -> None:
        if not self._by_value and not self._by_predicate:
            msg = "cases is empty; give at least one value or predicate with its step"
            raise ConfigurationError(msg)
        if self._by_predicate:
            if self.selector is not None:
                msg = "a selector needs cases= as a mapping of values; predicates choose alone"
                raise ConfigurationError(msg)
        elif self.selector is None:
            msg = "a mapping of cases needs a selector= that takes (x, context)"
            raise ConfigurationError(msg)
        else:
            _require_plain(self.selector, "selector")

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the case that fits."""
        return await self._choose(input_data, context).execute(input_data, context)

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the case that fits."""
        chunks = self._choose(input_data, context).stream(input_data, context)
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    def _choose(self, input_data: In, context: WorkflowContext) -> WorkflowPrimitive[In, Out]:
        value: Hashable = None
        found: tuple[str, WorkflowPrimitive[In, Out]] | None = None
        if self.selector is None:
            for predicate, label, step in self._by_predicate:
                if predicate(input_data, context):
                    found = label, step
                    break
        else:
            value = self.selector(input_data, context)
            try:
                found = self._by_value.get(value)
            except TypeError as error:
                msg = f"selector returned a {type(value).__name__}, which is not hashable"
                raise InputTypeError(msg) from error
        if found is None:
            if self.default is None:
                by_value = self.selector is not None
                raise CaseNotFoundError(value, self._labels(), by_value=by_value)
            found = "default", self.default
        if observe.active is not None:
            observe.report(observe.BranchRecord(found[0]))
        return found[1]

    def _labels(self) -> tuple[str, ...]:
        return tuple(label for label, _ in self._cases())

    def _cases(self) -> list[tuple[str, WorkflowPrimitive[In, Out]]]:
        if self._by_value:
            return list(self._by_value.values())
        return [(label, step) for _, label, step in self._by_predicate]

    def identity_parts(self) -> Sequence[object]:
        """Return what decides about the case."""
        deciding: list[Any] = [
            predicate for predicate, _, _ in self._by_predicate
        ]  # Any: functions
        if self.selector is not None:
            deciding.append(self.selector)
        return tuple(map(identity, deciding))

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the cases and the default, labelled with their values or predicates."""
        found: list[tuple[str, WorkflowPrimitive[Any, Any]]] = [*self._cases()]
        if self.default is not None:
            found.append(("default", self.default))
        return found


def _label(value: object) -> str:
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, str):
        return value
    return value.__qualname__ if isinstance(value, type) else repr(value)


def _require_plain(function: object, what: str) -> None:
    if not callable(function) or isinstance(function, type):
        raise ConfigurationError(_not_plain(function, what))
    if inspect.iscoroutinefunction(function):  # its coroutine would count as a value, or as true
        raise ConfigurationError(_not_plain(function, what))


def _not_plain(function: object, what: str) -> str:
    return (
        f"{what} must be a plain function of (x, context), got {function!r}; await what it needs "
        "in a step before the switch, and test for types with isinstance()"
    )
