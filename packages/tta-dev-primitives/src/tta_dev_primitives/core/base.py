"""The one protocol: `WorkflowPrimitive`, and `LambdaPrimitive` for plain functions."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, cast, overload

from tta_dev_primitives.errors import ConfigurationError

from . import observe, signatures
from .at_once import Pending, awaited, never_waits, result_of
from .context import FRESH, WorkflowContext
from .frames import Place

if TYPE_CHECKING:
    from types import CoroutineType

    from typing_extensions import TypeVar

    from .mapping import Item
    from .parallel import ParallelPrimitive
    from .sequential import SequentialPrimitive

    # Bound to Any, so that checkers take the parameter of a bare lambda for Any and not for object.
    In = TypeVar("In", bound=Any, contravariant=True, default=Any)
    Out = TypeVar("Out", covariant=True, default=Any)
    X = TypeVar("X", bound=Any, default=Any)
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
    # Of children that were seen: by their id, with the name that their segment has.
    _segments: Mapping[int, tuple[WorkflowPrimitive[Any, Any], str, str]] = MappingProxyType({})
    root_place: Place | None = None
    """Where it stands as the root of a workflow, once that was asked for."""

    upstream: bool = False
    """Whether one `execute` is one request to a service that bills or limits requests."""

    def __init_subclass__(cls, **kwargs: Any) -> None:  # Any: what a further base takes
        super().__init_subclass__(**kwargs)
        for ancestor in cls.__mro__:
            if "begin_execute" in vars(ancestor):
                break
            if "execute" in vars(ancestor):  # what begins another one's execute is not for it
                cls.begin_execute = WorkflowPrimitive.begin_execute
                break
        # Looked up, not taken from the class body: a mixin may bring them. Marked ones fill in the
        # context and call the observers already.
        execute, stream = cls.execute, cls.stream
        if inspect.iscoroutinefunction(execute) and not hasattr(execute, "_tta_entry"):
            cls.execute = _entry(execute)
        elif not hasattr(execute, "_tta_entry"):
            msg = f"{cls.__qualname__}.execute must be an async def that returns its result"
            raise ConfigurationError(msg)
        if inspect.isasyncgenfunction(stream) and not hasattr(stream, "_tta_entry"):
            cls.stream = _stream_entry(stream)
        elif not hasattr(stream, "_tta_entry"):
            msg = f"{cls.__qualname__}.stream must be an async def that yields its chunks"
            raise ConfigurationError(msg)

    # Declared loosely, so that checkers accept a subclass that requires the context as well as one
    # that gives it a default.
    async def execute(self, input_data: In, *args: Any, **kwargs: Any) -> Out:
        """Run the step on *input_data* and return its result.

        A step that defines only `stream` is run to its end here, and its chunks are joined.

        Args:
            input_data: What the step works on.
            args: The `context`: identity, state and deadline of the run. A new one is made when
                it is left out.
            kwargs: The same by its name.
        """
        if type(self).stream is WorkflowPrimitive.stream:
            msg = f"{type(self).__qualname__} defines neither execute nor stream; define one"
            raise ConfigurationError(msg)
        from .streaming import join_chunks

        return join_chunks([chunk async for chunk in self.stream(input_data, *args, **kwargs)])

    vars(execute)["_tta_entry"] = True

    def begin_execute(self, input_data: In, context: WorkflowContext) -> Out | Pending:
        """Begin what `execute` does; return its result if that is there at once.

        Otherwise return what is left to do, which the caller awaits or closes. Of a step that
        answers at once, steps side by side need no task. It is called in an event loop, and must
        not begin what needs the caller's task, as `asyncio.timeout` does.

        A step that can answer at once defines it together with `execute`, and reports to observers
        what `execute` does. Here everything is left to do.
        """
        return Pending(self.execute(input_data, context))

    async def stream(
        self, input_data: In, *args: Any, **kwargs: Any
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Yield the result in chunks, or whole where the step does not stream.

        Takes what `execute` takes. Closing the iterator stops what runs upstream before `aclose()`
        returns.
        """
        yield await self.execute(input_data, *args, **kwargs)

    vars(stream)["_tta_entry"] = True

    def run(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step from code that is not async, in an event loop of its own.

        Raises:
            RuntimeError: An event loop is running already; await `execute` there.
        """
        if _in_event_loop():
            msg = "run() was called inside a running event loop; use `await primitive.execute(...)`"
            raise RuntimeError(msg)
        return asyncio.run(cast("Coroutine[Any, Any, Out]", self.execute(input_data, context)))

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
        found = self._segments.get(id(child))
        if found is None or found[0] is not child or found[1] != child.name:
            # A new dict, as copies of this primitive share the old one. A child that stands in
            # several places is seen in the first.
            self._segments = {
                id(known): (known, known.name, known.path_segment(str(index)))
                for index, (_, known) in reversed(list(enumerate(self.children())))
            }
            found = self._segments.get(id(child))
        return child.label if found is None else found[2]

    def has_child(self, child: WorkflowPrimitive[Any, Any]) -> bool:
        """Tell whether `segment_of` found *child* among the children."""
        found = self._segments.get(id(child))
        return found is not None and found[0] is child

    def make_root(self) -> Place:
        """Return, and keep, the place that this node has as the root of a workflow."""
        place = Place(self, self.path_segment("0"))
        vars(self)["root_place"] = place
        return place

    def __rshift__(self: WorkflowPrimitive[X, Y], other: Step[Y, Z]) -> SequentialPrimitive[X, Z]:
        """Run *other* on the result of this step."""
        from .sequential import SequentialPrimitive

        return SequentialPrimitive([self, other]) if _is_step(other) else NotImplemented

    def __rrshift__(self: WorkflowPrimitive[Y, Z], other: Step[X, Y]) -> SequentialPrimitive[X, Z]:
        from .sequential import SequentialPrimitive

        return SequentialPrimitive([other, self]) if _is_step(other) else NotImplemented

    # Branches of branches join one list, so a list on either side is taken apart.
    @overload
    def __or__(
        self: ParallelPrimitive[X, list[Y]], other: ParallelPrimitive[X, list[Z]]
    ) -> ParallelPrimitive[X, list[Y | Z]]: ...
    @overload
    def __or__(
        self: ParallelPrimitive[X, list[Y]], other: Step[X, Z]
    ) -> ParallelPrimitive[X, list[Y | Z]]: ...
    @overload
    def __or__(
        self: WorkflowPrimitive[X, Y], other: ParallelPrimitive[X, list[Z]]
    ) -> ParallelPrimitive[X, list[Y | Z]]: ...
    @overload
    def __or__(
        self: WorkflowPrimitive[X, Y], other: Step[X, Z]
    ) -> ParallelPrimitive[X, list[Y | Z]]: ...
    def __or__(self, other: Any) -> Any:
        """Run *other* on the same input, side by side, giving a list in order."""
        from .parallel import ParallelPrimitive

        return ParallelPrimitive([self, other]) if _is_step(other) else NotImplemented

    @overload
    def __ror__(
        self: ParallelPrimitive[X, list[Z]], other: Step[X, Y]
    ) -> ParallelPrimitive[X, list[Y | Z]]: ...
    @overload
    def __ror__(
        self: WorkflowPrimitive[X, Z], other: Step[X, Y]
    ) -> ParallelPrimitive[X, list[Y | Z]]: ...
    def __ror__(self, other: Any) -> Any:
        from .parallel import ParallelPrimitive

        return ParallelPrimitive([other, self]) if _is_step(other) else NotImplemented

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<{type(self).__name__}{name}>"


# The chunks of a generator are taken for pieces of a whole of their own type, as text is.
AsyncFunction: TypeAlias = (
    Callable[[In], Awaitable[Out]]
    | Callable[[In, WorkflowContext], Awaitable[Out]]
    | Callable[[In], AsyncIterator[Out]]
    | Callable[[In, WorkflowContext], AsyncIterator[Out]]
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

    vars(stream)["_tta_entry"] = True
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
        if isinstance(fn, type) and issubclass(fn, WorkflowPrimitive):
            msg = f"expected a primitive, got the class {fn.__qualname__}; make an instance of it"
            raise ConfigurationError(msg)
        function = cast("Callable[..., Any]", fn)  # Any: arity is found out here, not typed
        self.fn = function
        own_name = getattr(function, "__name__", "")
        self.name = name if name is not None else "" if own_name == "<lambda>" else own_name
        self._takes_context = signatures.takes_context(function)
        self._streams = signatures.streams(function)
        self._generates = inspect.isasyncgenfunction(function)
        # The commonest kind needs no coroutine of ours around it.
        is_async = signatures.is_async(function)
        self._direct = function if is_async and not self._takes_context else None
        self._never_waits = is_async and never_waits(function)
        self._may_wait = self._streams or (is_async and not self._never_waits)

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

    def begin_execute(self, input_data: In, context: WorkflowContext) -> Out | Pending:
        """Call the function; see `WorkflowPrimitive.begin_execute`."""
        if self._may_wait or observe.active is not None:
            return Pending(self.execute(input_data, context))
        result = self.fn(input_data, context) if self._takes_context else self.fn(input_data)
        if self._never_waits:
            return result_of(result)
        if hasattr(result, "__await__"):
            return Pending(result if inspect.iscoroutine(result) else awaited(result))
        return result

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

    def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Yield what the function yields, or its result once."""
        if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
            context = WorkflowContext()
        if observe.active is not None:
            return observe.observed_stream(LambdaPrimitive._chunks, self, input_data, context)
        if not self._generates:
            return self._chunks(input_data, context)
        # The function's own generator: each further one around it would be paid for every chunk.
        return self.fn(input_data, context) if self._takes_context else self.fn(input_data)

    vars(stream)["_tta_entry"] = True

    async def _chunks(self, input_data: In, context: WorkflowContext) -> AsyncGenerator[Any, None]:
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


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _is_step(value: object) -> bool:
    return isinstance(value, WorkflowPrimitive) or callable(value)
