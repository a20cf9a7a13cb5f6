"""Keep spans as a queue does, and print how many bytes each takes.

python observability_queue.py ours|sdk plain|records allocated|resident COUNT
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from observability_spans import our_observer, sdk_observer
from observability_workflow_parts import (
    MOST_ENTRIES,
    PARTS,
    TIMES,
    Plus,
    Repeated,
    workflow,
)

from tta_dev_primitives import observe

if TYPE_CHECKING:
    from observability_workflow_parts import Primitive


async def run(primitive: Primitive, times: int, first: int) -> None:
    """Run *primitive*, with another input each time."""
    for number in range(first, first + times):
        await primitive.execute(number)


def resident_bytes() -> int:
    """Return how much memory of this process is in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


class Queue:
    """What is kept: of the first calls only the last span, later every one."""

    def __init__(self) -> None:
        self.spans: deque[object] = deque(maxlen=1)

    def keep(self, span: object) -> None:
        """Keep an ended span."""
        self.spans.append(span)


def main() -> None:
    """Print the bytes."""
    side, kind, way, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    queue = Queue()
    observe(our_observer(queue.keep) if side == "ours" else sdk_observer(queue.keep))
    if kind == "plain":
        primitive, spans, first = Repeated(Plus()), TIMES + 1, 10
    else:
        primitive, spans, first = workflow(0, lambda _, part: part), PARTS, 2 * MOST_ENTRIES
    with asyncio.Runner() as runner:
        # Places, and the memory of the cache, come with the first ones.
        runner.run(run(primitive, first, 0))
        queue.spans = deque()
        gc.collect()
        if way == "allocated":
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
        else:
            before = resident_bytes()
        runner.run(run(primitive, count // spans, 1_000_000))
        gc.collect()
        after = tracemalloc.get_traced_memory()[0] if way == "allocated" else resident_bytes()
    print((after - before) / len(queue.spans))


if __name__ == "__main__":
    main()
