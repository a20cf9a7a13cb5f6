"""Makers of everything that composes steps without limiting them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from tta_dev_primitives.core.base import WorkflowContext, as_primitive
from tta_dev_primitives.core.batching import BatchPrimitive
from tta_dev_primitives.core.conditional import ConditionalPrimitive
from tta_dev_primitives.core.loop import LoopPrimitive
from tta_dev_primitives.core.parallel import ParallelPrimitive
from tta_dev_primitives.core.routing import RouterPrimitive
from tta_dev_primitives.core.streaming import TransformPrimitive
from tta_dev_primitives.core.switch import SwitchPrimitive

from .answers import same, whole
from .makers import Maker, Step
from .worlds import World

FLOWS: dict[str, tuple[int, Maker]] = {}
"""By name: how many steps a maker takes after the world, and the maker."""


def flow(steps: int) -> Any:
    """Enter a maker under its name."""

    def enter(make: Maker) -> Maker:
        FLOWS[make.__name__] = steps, make
        return make

    return enter


@flow(2)
def sequence(world: World, step: Step, other: Step) -> Step:
    return as_primitive(step) >> other


@flow(1)
def transform(world: World, step: Step) -> Step:
    async def through(chunks: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
        async for chunk in chunks:
            yield chunk

    return as_primitive(step) >> TransformPrimitive(through) >> TransformPrimitive(through)


@flow(2)
def parallel(world: World, step: Step, other: Step) -> Step:
    return ParallelPrimitive([step, other]) >> same


@flow(3)
def parallel_named(world: World, step: Step, other: Step, third: Step) -> Step:
    return ParallelPrimitive({"one": step, "two": other, "three": third}) >> same


@flow(2)
def conditional(world: World, step: Step, other: Step) -> Step:
    turns = itertools.cycle([True, False])
    return ConditionalPrimitive(lambda x, _: next(turns), step, other)


@flow(2)
def router(world: World, step: Step, other: Step) -> Step:
    turns = itertools.cycle(["one", "two"])
    return RouterPrimitive({"one": step, "two": other}, lambda x, _: next(turns), failover=True)


@flow(2)
def switch(world: World, step: Step, other: Step) -> Step:
    return SwitchPrimitive(lambda x, _: whole(x)[:1], {"a": step}, other)


@flow(2)
def switch_predicates(world: World, step: Step, other: Step) -> Step:
    turns = itertools.cycle([True, False])
    return SwitchPrimitive(cases=[(lambda x, _: next(turns), step)], default=other)


@flow(1)
def loop(world: World, step: Step) -> Step:
    turns = itertools.cycle([False, True])
    return LoopPrimitive(
        step,
        until=lambda x, _: next(turns),
        max_iterations=3,
        on_exhausted="return",
        clock=world.clock,
    )


@flow(1)
def batch(world: World, step: Step) -> Step:
    return _batched(world, step, window_seconds=0.0)


@flow(1)
def batch_window(world: World, step: Step) -> Step:
    return _batched(world, step, window_seconds=0.25, max_size=3)


def _batched(world: World, step: Step, **settings: Any) -> Step:
    one = as_primitive(step)

    async def many(inputs: list[Any], context: WorkflowContext) -> list[Any]:
        async with aclosing(one.map(inputs, context, concurrency=2)) as items:
            return [item.value if item.ok else item.error async for item in items]

    made = BatchPrimitive(many, clock=world.clock, **settings)
    world.expect("calls in a batch that gathers", lambda: made.waiting)
    world.expect("batches that gather", lambda: [list(t) for t in made._tables.values() if t], [])
    return made


@flow(1)
def mapped(world: World, step: Step) -> Step:
    return _mapped(step, ordered=True)


@flow(1)
def mapped_unordered(world: World, step: Step) -> Step:
    return _mapped(step, ordered=False)


def _mapped(step: Step, *, ordered: bool) -> Step:
    one = as_primitive(step)

    async def inputs(x: str) -> AsyncGenerator[str, None]:
        for _ in range(3):
            yield x

    async def many(x: str, context: WorkflowContext) -> str:
        items = one.map(inputs(x), context, concurrency=2, ordered=ordered, on_error="raise")
        async with aclosing(items):
            return same([item.value async for item in items])

    return many
