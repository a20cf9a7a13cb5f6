"""What is counted: a loop per case, with marks where it begins and ends.

    uv run python scripts/benchmarks/instructions_cases.py [CASE ...]

Each case runs in a process forked from this one, so that all begin with the same memory: until it
is warm, then as often as the case says, then twice as often. `os.getppid()`, which nothing else
here calls, is the mark after each. Prints the process of each case.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from cache_data import chat_request, codec
from cache_data import step as same

from tta_dev_primitives import (
    CachePrimitive,
    CircuitBreakerPrimitive,
    LambdaPrimitive,
    RetryPrimitive,
    TimeoutPrimitive,
    TransformPrimitive,
    WorkflowContext,
    observe,
)
from tta_dev_primitives.performance.keys import default_key

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from tta_dev_primitives import WorkflowPrimitive

Operation = Callable[[], Awaitable[object]]
# The interpreter has specialised what is hot long before this many calls.
WARM_CALLS = 100
CHUNKS = 20


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is counted.

    Attributes:
        prepare: Makes what is called, once.
        calls: How many of them are counted: more where one is short.
    """

    prepare: Callable[[], Operation]
    calls: int = 200


async def step(value: int) -> int:
    """Add one: the least a step can do."""
    return value + 1


def calling(
    primitive: WorkflowPrimitive[Any, Any],  # Any: each case has types of its own
    value: object = 1,
) -> Operation:
    """Return one call of *primitive*."""
    context = WorkflowContext()
    return lambda: primitive.execute(value, context)


def parallel() -> Operation:
    """Return a call of three branches side by side."""
    return calling(LambdaPrimitive(step) | step | step)


def stream() -> Operation:
    """Return the reading of a stream through one stage."""

    async def source(_: int) -> AsyncGenerator[int, None]:
        for number in range(CHUNKS):
            yield number

    async def stage(chunks: AsyncIterator[int]) -> AsyncGenerator[int, None]:
        async for chunk in chunks:
            yield chunk + 1

    primitive = LambdaPrimitive[int, int](source) >> TransformPrimitive(stage)
    context = WorkflowContext()

    async def read() -> None:
        async for _ in primitive.stream(1, context):
            pass

    return read


def cache_hit() -> Operation:
    """Return a call that the memory answers: all but the first."""
    return calling(CachePrimitive(LambdaPrimitive[str, str](same), ttl_seconds=1e6), "key")


def key_of_request() -> Operation:
    """Return the making of the key of a chat request, by the standard library's JSON."""
    request = chat_request()

    async def key() -> object:
        return default_key(request)

    return key


def light_span() -> Operation:
    """Return a call of a step that somebody watches."""
    from observability_spans import our_observer  # seconds, which the other cases need not wait

    observe(our_observer(lambda _: None))
    return calling(LambdaPrimitive(step))


CASES: dict[str, Case] = {
    "step": Case(lambda: calling(LambdaPrimitive(step)), 400),
    "sequence-of-three": Case(lambda: calling(LambdaPrimitive(step) >> step >> step)),
    "parallel-of-three": Case(parallel, 50),
    "stream-of-20-chunks": Case(stream, 50),
    "memory-cache-hit": Case(cache_hit),
    "key-of-chat-request": Case(key_of_request, 50),
    "retry-without-failure": Case(lambda: calling(RetryPrimitive(step))),
    "timeout-not-reached": Case(lambda: calling(TimeoutPrimitive(step, 1e6))),
    "breaker-closed": Case(lambda: calling(CircuitBreakerPrimitive(step))),
    "light-span": Case(light_span),
}


async def run(case: Case) -> None:
    """Call what *case* prepares until it is warm, then some times, then twice as often."""
    operation = case.prepare()
    for count in (WARM_CALLS, case.calls, 2 * case.calls):
        for _ in range(count):
            await operation()
        os.getppid()


def main(names: list[str], cases: dict[str, Case]) -> int:
    """Run the cases that are named, one after the other, on a collector that does not run."""
    unknown = [name for name in names if name not in cases]
    if unknown:
        print(f"there is no case {unknown[0]}; known are {', '.join(cases)}", file=sys.stderr)
        return 2
    gc.disable()
    with codec("stdlib json"):
        for name in names or cases:
            process = os.fork()
            if process == 0:
                asyncio.run(run(cases[name]))
                return 0
            _, status = os.waitpid(process, 0)
            if status:
                print(f"{name} failed", file=sys.stderr)
                return 1
            print(name, process, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], CASES))
