"""Other ways to put steps together: asyncio, anyio, LangChain-core and pydantic-graph.

Each gives a call around a step, as the peers of the policies do.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, TypeAlias

from resilience_peers import Peer, load, peer

if TYPE_CHECKING:
    from resilience_peers import Call, Load, Module, Step

LIMIT = 10


def _langchain_sequence(runnables: Module, step: Step) -> Call:
    chain: Module = runnables.RunnableSequence(*(runnables.RunnableLambda(step) for _ in "abc"))
    return chain.ainvoke


def _langchain_parallel(runnables: Module, step: Step) -> Call:
    chain = runnables.RunnableParallel(**{key: runnables.RunnableLambda(step) for key in "abc"})

    async def call(value: int) -> list[int]:
        return list((await chain.ainvoke(value)).values())

    return call


def _langchain_map(runnables: Module, step: Step) -> Call:
    runnable, options = runnables.RunnableLambda(step), {"max_concurrency": LIMIT}
    return lambda values: runnable.abatch(values, options)


def _graph_step(graphs: Module, builder: Module, step: Step, name: str) -> Module:
    async def run(context: Module) -> int:
        return await step(context.inputs)

    # It reads the annotations, which are text here.
    run.__annotations__ = {"context": graphs.StepContext[None, None, int], "return": int}
    return builder.step(run, node_id=name)


def _graph_sequence(graphs: Module, step: Step) -> Call:
    builder = graphs.GraphBuilder(input_type=int, output_type=int, auto_instrument=False)
    nodes = [builder.start_node]
    nodes += [_graph_step(graphs, builder, step, name) for name in "abc"]
    nodes.append(builder.end_node)
    pairs = itertools.pairwise(nodes)
    builder.add(*(builder.edge_from(one).to(following) for one, following in pairs))
    graph = builder.build()
    return lambda value: graph.run(inputs=value)


def _graph_parallel(graphs: Module, step: Step) -> Call:
    builder = graphs.GraphBuilder(input_type=int, output_type=list, auto_instrument=False)
    branches = [_graph_step(graphs, builder, step, name) for name in "abc"]
    joined = builder.join(graphs.reduce_list_append, initial_factory=list)
    builder.add(
        builder.edge_from(builder.start_node).to(*branches),
        builder.edge_from(*branches).to(joined),
        builder.edge_from(joined).to(builder.end_node),
    )
    graph = builder.build()
    return lambda value: graph.run(inputs=value)


def _graph_map(graphs: Module, step: Step) -> Call:
    builder = graphs.GraphBuilder(input_type=list, output_type=list, auto_instrument=False)
    one = _graph_step(graphs, builder, step, "one")
    joined = builder.join(graphs.reduce_list_append, initial_factory=list)
    builder.add(
        builder.edge_from(builder.start_node).map().to(one),
        builder.edge_from(one).to(joined),
        builder.edge_from(joined).to(builder.end_node),
    )
    graph = builder.build()
    return lambda values: graph.run(inputs=values)


async def _gather(load: Load, step: Step) -> Call:
    del load
    return lambda value: asyncio.gather(step(value), step(value), step(value))


async def _task_group(load: Load, step: Step) -> Call:
    del load

    async def one(value: int) -> int:
        return await step(value)

    async def call(value: int) -> list[int]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(value)) for _ in range(3)]
        return [task.result() for task in tasks]

    return call


def _anyio_parallel(anyio: Module, step: Step) -> Call:
    async def call(value: int) -> list[int]:
        results = [0, 0, 0]

        async def one(index: int) -> None:
            results[index] = await step(value)

        async with anyio.create_task_group() as group:
            for index in range(3):
                group.start_soon(one, index)
        return results

    return call


async def _semaphore_map(load: Load, step: Step) -> Call:
    del load

    async def call(values: list[int]) -> list[int]:
        places = asyncio.Semaphore(LIMIT)

        async def one(value: int) -> int:
            async with places:
                return await step(value)

        return await asyncio.gather(*(one(value) for value in values))

    return call


async def _worker_map(load: Load, step: Step) -> Call:
    del load

    async def call(values: list[int]) -> list[int]:
        results = [0] * len(values)
        source = iter(enumerate(values))

        async def work() -> None:
            for index, value in source:
                results[index] = await step(value)

        async with asyncio.TaskGroup() as group:
            for _ in range(LIMIT):
                group.create_task(work())
        return results

    return call


Begin: TypeAlias = Callable[[], AsyncIterator[int]]
Stage: TypeAlias = Callable[[AsyncIterator[int]], AsyncIterator[int]]


def langchain_stream(stages: list[Stage], source: Begin) -> Begin:
    """Return a function that begins a stream of *source* through *stages*."""
    runnables = load("langchain_core.runnables")
    chain = runnables.RunnableGenerator(stages[0])
    for stage in stages[1:]:
        chain = chain | runnables.RunnableGenerator(stage)
    return lambda: chain.atransform(source())


SEQUENCE = (
    peer("langchain-core", "langchain_core.runnables", _langchain_sequence),
    peer("pydantic-graph", "pydantic_graph", _graph_sequence),
)
TASK_GROUP = Peer((), _task_group, "TaskGroup")
PARALLEL = (
    TASK_GROUP,
    Peer((), _gather, "gather"),
    peer("anyio", "anyio", _anyio_parallel),
    peer("langchain-core", "langchain_core.runnables", _langchain_parallel),
    peer("pydantic-graph", "pydantic_graph", _graph_parallel),
)
MAP = (
    Peer((), _semaphore_map, "semaphore and gather"),
    Peer((), _worker_map, "ten workers"),
    peer("langchain-core", "langchain_core.runnables", _langchain_map, "abatch"),
    peer("pydantic-graph", "pydantic_graph", _graph_map, "map, no limit"),
)
