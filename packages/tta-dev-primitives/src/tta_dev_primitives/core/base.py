"""The one protocol: `WorkflowPrimitive`, and `LambdaPrimitive` for plain functions."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Sequence,
)
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, cast, overload

from tta_dev_primitives.errors import ConfigurationError

from . import observe
from .context import FRESH, WorkflowContext

if TYPE_CHECKING:
    from types import CoroutineType

    from typing_extensions import TypeVar

    from .mapping import Item
    from .parallel import ParallelPrimitive
    from .sequential import SequentialPrimitive

    In = TypeVar("In", contravariant=True, default=Any)
    Out = TypeVar("Out", covariant=True, default=Any)
    X = TypeVar("X", default=Any)
    Y = TypeVar("Y", default=Any)
    Z = TypeVar("Z", default=Any)
else:
    from typing import TypeVar

    In = TypeVar("In", contravariant=True)
    Out = TypeVar("Out", covariant=True)
    X, Y, Z = TypeVar("X"), TypeVar("Y"), TypeVar("Z")

__all__ = [
    "FRESH",
    "LambdaPrimitive",
    "Step",
    "WorkflowContext",
    "WorkflowPrimitive",
    "as_primitive",
]


class WorkflowPrimitive(Generic[In, Out]):
    """One async step of a workflow.

    A subclass implements `async def execute(self, input_data, context)`, or `stream` with the
    same arguments, or both. Callers may leave the context out; a new one is made per call.
    Steps are composed with `>>` (one after the other) and `|` (side by side).
    """

    name: str = ""
    upstream: bool = False
    """Whether one `execute` is one request to a service that bills or limits requests."""

    def __init_subclass__(cls, **kwargs: Any) -> None:  # Any: what a further base takes
        super().__init_subclass__(**kwargs)
        execute = cls.__dict__.get("execute")
        if getattr(execute, "_tta_entry", False):
            pass  # it fills in the context and calls the observers itself
        elif inspect.iscoroutinefunction(execute):
            cls.execute = _entry(execute)
        elif inspect.isfunction(execute):
            msg = f"{cls.__qualname__}.execute must be declared with async def"
            raise ConfigurationError(msg)
        stream = cls.__dict__.get("stream")
        if inspect.isasyncgenfunction(stream):
            cls.stream = _stream_entry(stream)

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step on *input_data* and return its result.

        A step that defines only `stream` is run to its end here, and its chunks are joined.

        Args:
            input_data: What the step works on.
            context: Identity, state and deadline of the run; a new one when left out.
        """
        if type(self).stream is WorkflowPrimitive.stream:
            msg = f"{type(self).__qualname__} defines neither execute nor stream; define one"
            raise ConfigurationError(msg)
        from .streaming import join_chunks

        return join_chunks([chunk async for chunk in self.stream(input_data, context)])

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Yield the result in chunks, or whole where the step does not stream.

        Closing the iterator stops what runs upstream before `aclose()` returns.
        """
        yield await self.execute(input_data, context)

    def run(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step from code that is not async, in an event loop of its own.

        Raises:
            RuntimeError: An event loop is running already; await `execute` there.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(cast("Coroutine[Any, Any, Out]", self.execute(input_data, context)))
        msg = "run() was called inside a running event loop; use `await primitive.execute(...)`"
        raise RuntimeError(msg)

    def map(
        self,
        inputs: Iterable[In] | AsyncIterable[In],
        context: WorkflowContext = FRESH,
        *,
        concurrency: int = 10,
        ordered: bool = True,
        on_error: Literal["keep", "raise"] = "keep",
    ) -> AsyncGenerator[Item[Out], None]:
        """Run the step on every input, at most *concurrency* at a time.

        Inputs are pulled only as fast as results are taken. Closing the iterator cancels what is
        running and waits for it.

        Args:
            inputs: Any iterable, sync or async, however long.
            context: Shared by all items.
            concurrency: How many inputs are worked on at once.
            ordered: Yield in the order of the inputs; otherwise as they finish.
            on_error: `keep` puts an error into its item and goes on; `raise` stops at the first.
        """
        from .mapping import map_inputs

        return map_inputs(
            self, inputs, context, concurrency=concurrency, ordered=ordered, on_error=on_error
        )

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the primitives directly inside this one, each with the label of its place."""
        return ()

    def identity_parts(self) -> Sequence[object]:
        """Return the settings that change what this step returns, for cache keys.

        Name, kind and children are known already; a step whose result depends on more (a model,
        a temperature) adds it here, as values with a stable `repr`.
        """
        return ()

    def walk(self) -> Iterable[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Yield every node of the composed tree with its path, parents first."""
        pending: list[tuple[str, WorkflowPrimitive[Any, Any]]] = [(self.path_segment("0"), self)]
        while pending:
            path, node = pending.pop()
            yield path, node
            below = [
                (f"{path}/{child.path_segment(str(index))}", child)
                for index, (_, child) in enumerate(node.children())
            ]
            pending.extend(reversed(below))

    def to_mermaid(self) -> str:
        """Return the workflow as a Mermaid flowchart."""
        from .diagram import mermaid

        return mermaid(self)

    @property
    def label(self) -> str:
        """The name, or the class without its `Primitive`, for people to read."""
        return self.name or type(self).__name__.removesuffix("Primitive")

    def path_segment(self, index: str) -> str:
        """Return this node's part of a path, when it stands at *index* among its siblings."""
        return f"{index}.{self.name}" if self.name else index

    def segment_of(self, child: WorkflowPrimitive[Any, Any]) -> str:
        """Return the part of the path that leads from this node to *child*."""
        for index, (_, known) in enumerate(self.children()):
            if known is child:
                return child.path_segment(str(index))
        return child.label

    @overload
    def __rshift__(
        self: WorkflowPrimitive[X, Y], other: WorkflowPrimitive[Y, Z]
    ) -> SequentialPrimitive[X, Z]: ...
    @overload
    def __rshift__(
        self: WorkflowPrimitive[X, Y], other: AsyncFunction[Y, Z]
    ) -> SequentialPrimitive[X, Z]: ...
    @overload
    def __rshift__(
        self: WorkflowPrimitive[X, Y], other: SyncFunction[Y, Z]
    ) -> SequentialPrimitive[X, Z]: ...
    def __rshift__(self, other: Any) -> Any:
        """Run *other* on the result of this step."""
        from .sequential import SequentialPrimitive

        return SequentialPrimitive([self, other]) if _is_step(other) else NotImplemented

    @overload
    def __rrshift__(
        self: WorkflowPrimitive[Y, Z], other: AsyncFunction[X, Y]
    ) -> SequentialPrimitive[X, Z]: ...
    @overload
    def __rrshift__(
        self: WorkflowPrimitive[Y, Z], other: SyncFunction[X, Y]
    ) -> SequentialPrimitive[X, Z]: ...
    def __rrshift__(self, other: Any) -> Any:
        from .sequential import SequentialPrimitive

        return SequentialPrimitive([other, self]) if _is_step(other) else NotImplemented

    @overload
    def __or__(
        self: WorkflowPrimitive[X, Y], other: WorkflowPrimitive[X, Z]
    ) -> ParallelPrimitive[X, list[Y | Z]]: ...
    @overload
    def __or__(
        self: WorkflowPrimitive[X, Y], other: AsyncFunction[X, Z]
    ) -> ParallelPrimitive[X, list[Y | Z]]: ...
    @overload
    def __or__(
        self: WorkflowPrimitive[X, Y], other: SyncFunction[X, Z]
    ) -> ParallelPrimitive[X, list[Y | Z]]: ...
    def __or__(self, other: Any) -> Any:
        """Run *other* on the same input, side by side, giving a list in order."""
        from .parallel import ParallelPrimitive

        return ParallelPrimitive([self, other]) if _is_step(other) else NotImplemented

    @overload
    def __ror__(
        self: WorkflowPrimitive[X, Z], other: AsyncFunction[X, Y]
    ) -> ParallelPrimitive[X, list[Y | Z]]: ...
    @overload
    def __ror__(
        self: WorkflowPrimitive[X, Z], other: SyncFunction[X, Y]
    ) -> ParallelPrimitive[X, list[Y | Z]]: ...
    def __ror__(self, other: Any) -> Any:
        from .parallel import ParallelPrimitive

        return ParallelPrimitive([other, self]) if _is_step(other) else NotImplemented

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<{type(self).__name__}{name}>"


AsyncFunction: TypeAlias = (
    Callable[[In], Awaitable[Out]] | Callable[[In, WorkflowContext], Awaitable[Out]]
)
SyncFunction: TypeAlias = Callable[[In], Out] | Callable[[In, WorkflowContext], Out]
Step: TypeAlias = WorkflowPrimitive[In, Out] | AsyncFunction[In, Out] | SyncFunction[In, Out]
"""Whatever can stand in a workflow: a primitive, or a function of (x) or (x, context)."""


def _entry(run: Callable[..., Coroutine[Any, Any, Any]]) -> Any:  # Any: any primitive's types
    """Wrap a subclass's `execute`: fill in the context, call the observers if there are any."""

    @functools.wraps(run)
    def execute(
        self: WorkflowPrimitive[Any, Any], input_data: Any, context: WorkflowContext = FRESH
    ) -> Coroutine[Any, Any, Any]:
        if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
            context = WorkflowContext()
        if observe.active is None:
            return run(self, input_data, context)
        return observe.observed_execute(run, self, input_data, context)

    vars(execute)["_tta_entry"] = True
    return execute


def _stream_entry(run: Callable[..., AsyncGenerator[Any, None]]) -> Any:  # Any: as above
    """Wrap a subclass's `stream` in the same way."""

    @functools.wraps(run)
    def stream(
        self: WorkflowPrimitive[Any, Any], input_data: Any, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:
        if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
            context = WorkflowContext()
        if observe.active is None:
            return run(self, input_data, context)
        return observe.observed_stream(run, self, input_data, context)

    return stream


class LambdaPrimitive(WorkflowPrimitive[In, Out]):
    """Make a step of a plain function.

    Args:
        fn: Takes `(x)` or `(x, context)`, sync or async; an async generator function streams.
        name: Name in paths, traces and diagrams; the function's own when left out.

    Raises:
        ConfigurationError: *fn* cannot be called with one or two positional arguments.
    """

    def __init__(
        self,
        fn: AsyncFunction[In, Out] | SyncFunction[In, Out],
        *,
        name: str | None = None,
    ) -> None:
        if not callable(fn):
            msg = f"expected a primitive or a function, got {fn!r}"
            raise ConfigurationError(msg)
        function = cast("Callable[..., Any]", fn)  # Any: arity is found out here, not typed
        self.fn = function
        own_name = getattr(function, "__name__", "")
        self.name = name if name is not None else "" if own_name == "<lambda>" else own_name
        self._takes_context = _takes_context(function)
        target = inspect.unwrap(function)
        while isinstance(target, functools.partial):
            target = target.func  # pyright: ignore[reportUnknownMemberType] - partial of anything
        called = getattr(target, "__call__", None)  # noqa: B004 - the method, not whether there is one
        self._streams = inspect.isasyncgenfunction(target) or inspect.isasyncgenfunction(called)
        is_async = inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(called)
        # The commonest kind needs no coroutine of ours around it.
        self._direct = function if is_async and not self._takes_context else None

    def execute(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> CoroutineType[Any, Any, Out]:
        """Call the function; see `WorkflowPrimitive.execute`."""
        if observe.active is None:
            if self._direct is not None:
                return self._direct(input_data)
            return self._call(input_data, context)
        if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
            context = WorkflowContext()
        return observe.observed_execute(LambdaPrimitive._call, self, input_data, context)

    vars(execute)["_tta_entry"] = True  # it calls the observers itself

    async def _call(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        if self._streams:
            from .streaming import join_chunks

            return join_chunks([chunk async for chunk in self.stream(input_data, context)])
        if self._takes_context:
            if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
                context = WorkflowContext()
            result = self.fn(input_data, context)
        else:
            result = self.fn(input_data)
        return await result if hasattr(result, "__await__") else result

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Yield what the function yields, or its result once."""
        if not self._streams:
            yield await self._call(input_data, context)
            return
        source = self.fn(input_data, context) if self._takes_context else self.fn(input_data)
        try:
            async for chunk in source:
                yield chunk
        finally:
            await source.aclose()


def as_primitive(step: Step[X, Y]) -> WorkflowPrimitive[X, Y]:
    """Return *step* itself if it is a primitive, else the function as a `LambdaPrimitive`."""
    if isinstance(step, WorkflowPrimitive):
        return cast("WorkflowPrimitive[X, Y]", step)
    return LambdaPrimitive(step)


def _is_step(value: object) -> bool:
    return isinstance(value, WorkflowPrimitive) or callable(value)


def _takes_context(fn: Callable[..., Any]) -> bool:  # Any: any function
    """Tell whether *fn* wants the context as its second argument."""
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return False  # builtins such as `str.upper` have no signature; they take one value
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    variable = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    required = [p for p in positional if p.default is p.empty]
    if len(required) > 2 or (not positional and not variable):
        msg = (
            f"{getattr(fn, '__name__', fn)!r} must take (x) or (x, context), but its signature is "
            f"{inspect.signature(fn)}"
        )
        raise ConfigurationError(msg)
    if len(required) == 2 or (variable and not positional):
        return True
    return len(positional) > 1 and positional[1].name in {"context", "ctx"}
