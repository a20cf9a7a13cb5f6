"""Something else when a step fails."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, get_args

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, WorkflowPrimitive, X, Y, as_primitive
from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.core.streaming import StreamRestarted, join_chunks, since_restart
from tta_dev_primitives.errors import ConfigurationError, NotAcceptedError

from .midstream import Journey, Midstream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence

    Errors: TypeAlias = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]

T = TypeVar("T")
__all__ = ["FallbackPrimitive", "NotAcceptedError", "StreamRestarted", "since_restart"]


class FallbackPrimitive(PolicyPrimitive[In, Out]):
    """Run another step when the first one fails.

    After a failure the step for that error (`on`) is next, else the first of the others; no step
    runs twice. When all fail, the last error is raised, and the earlier ones stand in the chain of
    its `__context__`. Cancellation is never answered with a fallback.

    A stream without chunks is a success. What happens to one that breaks off after its first chunk
    is said by *midstream*: `fail` raises the error; `restart` yields a `StreamRestarted` and then
    the next step from its start; `splice` has the next step go on where the stream broke off.

    Args:
        primary: What to run.
        fallback: Runs on the same input when *primary* failed.
        fallbacks: Run after *fallback*, in order.
        on: Steps for types of errors. The most specific type counts.
        catch: Which errors are answered at all: types, or a function of the error.
        accept: Takes a result and says whether it will do; one that will not is a failure with
            `NotAcceptedError`. A stream is then held back until it has ended and was judged.
        midstream: What to do when a stream breaks off after its first chunk.
        continue_with: With `splice`, takes the input and the list of the chunks so far, and returns
            the input for the step that goes on.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: The arguments cannot work together.
    """

    def __init__(
        self,
        primary: Step[In, Out] | None = None,
        fallback: Step[In, Out] | None = None,
        *,
        fallbacks: Iterable[Step[In, Out]] = (),
        on: Mapping[type[Exception], Step[In, Out]] | None = None,
        catch: Errors = Exception,
        accept: Callable[[Out], bool] | None = None,
        midstream: Midstream = "fail",
        # Any: inputs and chunks are whatever the steps take and yield
        continue_with: Callable[[Any, list[Any]], Any] | None = None,
        name: str = "",
    ) -> None:
        super().__init__(primary, name=name)
        chain = [*([] if fallback is None else [fallback]), *fallbacks]
        self._alternatives = _Alternatives(chain, {} if on is None else on)
        self._catches = _catches(catch)
        if midstream not in get_args(Midstream):
            msg = f"midstream must be 'fail', 'restart' or 'splice', got {midstream!r}"
            raise ConfigurationError(msg)
        if (midstream == "splice") != (continue_with is not None):
            msg = (
                f"midstream={midstream!r} and continue_with={continue_with!r} do not go together; "
                "give continue_with= with midstream='splice', and only then"
            )
            raise ConfigurationError(msg)
        if accept is not None and midstream != "fail":
            msg = (
                f"accept= holds a stream back until it is whole, so midstream={midstream!r} has no "
                "effect; use one of the two"
            )
            raise ConfigurationError(msg)
        self._accept, self._continue_with = accept, continue_with
        self._midstream: Midstream = midstream

    if TYPE_CHECKING:  # what it wraps keeps its types

        def wrap(self, primitive: Step[X, Y]) -> FallbackPrimitive[X, Y]: ...  # noqa: D102
        def __call__(self, primitive: Step[X, Y]) -> FallbackPrimitive[X, Y]: ...  # noqa: D102

    @property
    def primary(self) -> WorkflowPrimitive[In, Out]:
        """The step that runs first."""
        return self.primitive

    @property
    def fallback(self) -> WorkflowPrimitive[In, Out]:
        """The first of `fallbacks`."""
        return self._alternatives.steps[0]

    @property
    def fallbacks(self) -> tuple[WorkflowPrimitive[In, Out], ...]:
        """The steps that run after it, in order, those for certain errors last."""
        return self._alternatives.steps

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the primary, and others until one succeeds."""
        primary = self._primitive
        if primary is None:
            primary = self.primitive  # which says what is missing
        if self._accept is not None:
            return await self._execute(primary, input_data, context, set())
        try:
            return await primary.execute(input_data, context)
        except Exception as error:
            tried = set[int]()
            following = self._following(error, tried)
            if following is None:
                raise
            return await self._execute(following[1], input_data, context, tried)

    def _execute(
        self,
        step: WorkflowPrimitive[In, Out],
        input_data: In,
        context: WorkflowContext,
        tried: set[int],
    ) -> Awaitable[Out]:
        return self._first_good(
            step, lambda step: step.execute(input_data, context), self._accept, tried
        )

    def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the primary, and others where it fails."""
        if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
            context = WorkflowContext()
        if observe.active is None:
            return self._chunks(input_data, context)
        return observe.observed_stream(FallbackPrimitive._chunks, self, input_data, context)

    vars(stream)["_tta_entry"] = True  # it calls the observers itself, with no generator between

    def _chunks(self, input_data: In, context: WorkflowContext) -> AsyncGenerator[Any, None]:
        tried = set[int]()
        if self._accept is not None:
            return self._judged_chunks(input_data, context, self._accept, tried)
        journey = Journey(
            self._midstream,
            self._continue_with,
            input_data,
            context,
            lambda error: self._following(error, tried),
        )
        return journey.chunks(self.primitive, input_data)

    async def _judged_chunks(
        self,
        input_data: In,
        context: WorkflowContext,
        accept: Callable[[Any], bool],
        tried: set[int],
    ) -> AsyncGenerator[Any, None]:
        async def whole(step: WorkflowPrimitive[In, Out]) -> list[Any]:
            async with contextlib.aclosing(step.stream(input_data, context)) as chunks:
                return [chunk async for chunk in chunks]

        def accepts(chunks: list[Any]) -> bool:
            return not chunks or accept(join_chunks(chunks))

        for chunk in await self._first_good(self.primitive, whole, accepts, tried):
            yield chunk

    async def _first_good(
        self,
        step: WorkflowPrimitive[In, Out],
        run: Callable[[WorkflowPrimitive[In, Out]], Awaitable[T]],
        accept: Callable[[T], bool] | None,
        tried: set[int],
    ) -> T:
        """Return the first result that will do, from *step* on."""
        try:
            value = await run(step)
            if accept is None or accept(value):
                return value
            raise NotAcceptedError(step.label, value)
        except Exception as error:
            following = self._following(error, tried)
            if following is None:
                raise
            # Inside the handler, so that Python itself chains the contexts of the errors.
            return await self._first_good(following[1], run, accept, tried)

    def _following(
        self, error: Exception, tried: set[int]
    ) -> tuple[int, WorkflowPrimitive[In, Out]] | None:
        """Choose and report the step to run after *error*, with its number."""
        index = self._alternatives.after(error, tried) if self._catches(error) else None
        if index is None:
            return None
        tried.add(index)
        step = self._alternatives.steps[index]
        if observe.active is not None:
            record = observe.FallbackRecord(step.label, index + 1, type(error).__name__)
            observe.report(record, outcome="fallback")
        return index + 1, step

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the primary and its fallbacks."""
        primary = [("primary", step) for _, step in super().children()]
        return [*primary, *zip(self._alternatives.labels, self._alternatives.steps, strict=True)]


class _Alternatives(Generic[In, Out]):
    """The steps beside the primary, numbered: first those in order, then those for errors alone."""

    def __init__(
        self, chain: Sequence[Step[In, Out]], on: Mapping[type[Exception], Step[In, Out]]
    ) -> None:
        if not chain and not on:
            msg = "there is nothing to fall back to; give fallback=, fallbacks= or on="
            raise ConfigurationError(msg)
        given: list[Step[In, Out]] = list(chain)
        self._in_order = range(len(given))
        self._by_error: dict[type[BaseException], int] = {}
        self.labels = [f"fallback {number}" for number in range(1, len(given) + 1)]
        if len(given) == 1:
            self.labels = ["fallback"]
        for kind, step in on.items():
            _require_error_type("a key of on", kind)
            # A step that is there already is one and the same, and runs once.
            index = next((at for at, known in enumerate(given) if known is step), len(given))
            self._by_error[kind] = index
            if index == len(given):
                given.append(step)
                self.labels.append(f"on {kind.__name__}")
            elif index not in self._in_order:
                self.labels[index] += f", {kind.__name__}"
        self.steps = tuple(as_primitive(step) for step in given)

    def after(self, error: Exception, tried: set[int]) -> int | None:
        """Return the number, from 0, of the step to run after *error*; None when none is left."""
        for kind in type(error).__mro__:
            index = self._by_error.get(kind)
            if index is not None and index not in tried:
                return index
        return next((index for index in self._in_order if index not in tried), None)


def _catches(catch: Errors) -> Callable[[Exception], bool]:
    """Return a function that says whether an error is answered at all."""
    if callable(catch) and not isinstance(catch, type):
        return catch
    kinds = catch if isinstance(catch, tuple) else (catch,)
    for kind in kinds:
        _require_error_type("catch", kind)
    return lambda error: isinstance(error, kinds)


def _require_error_type(argument: str, kind: object) -> None:
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        msg = f"{argument} must be a subclass of Exception, got {kind!r}"
        raise ConfigurationError(msg)
