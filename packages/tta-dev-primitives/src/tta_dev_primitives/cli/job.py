"""The main job: any JSONL through any workflow, with bounded memory and nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.core.base import FRESH, WorkflowPrimitive
from tta_dev_primitives.core.observe import observe
from tta_dev_primitives.llm.ledger import Ledger

from .exits import UsageError
from .latencies import Latencies
from .lines import Line, Lines

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from tta_dev_primitives.core.context import WorkflowContext

    from .results import Record, Results


@dataclass(slots=True)
class JobReport:
    """How a job went.

    Attributes:
        items: Items worked on in this run.
        errors: Those of them that failed.
        resumed: Items that an earlier run had finished.
        wall_seconds: Time from first to last.
        latencies: Seconds per item.
        ledger: Calls, tokens and money.
        interrupted: The job was stopped before its end.
    """

    items: int = 0
    errors: int = 0
    resumed: int = 0
    wall_seconds: float = 0.0
    latencies: Latencies = field(default_factory=Latencies)
    ledger: Ledger = field(default_factory=Ledger)
    interrupted: bool = False


async def run_job(
    workflow: WorkflowPrimitive[Any, Any],  # Any: the user's own types
    lines: Lines,
    results: Results,
    *,
    concurrency: int,
    on_item: Callable[[JobReport], None],
) -> JobReport:
    """Run *workflow* on every line and write a record for each as it finishes.

    Cancelling the job stops what is running and keeps what has finished; it returns its report
    then, too. The caller closes *results*, which are finished only when every line is done.

    Args:
        workflow: What to run.
        lines: The input; read only as fast as it is worked on.
        results: Where records go.
        concurrency: How many items are worked on at once.
        on_item: Called after each item.

    Raises:
        UsageError: The input is not the one that *results* were begun with.
        OutputError: The results cannot be written.
    """
    report = JobReport()
    began = time.perf_counter()
    work = _Work(workflow, results, report)
    todo = _NotDone(results.done, report)
    inputs = filter(todo, lines) if isinstance(lines, Iterator) else _filtered(todo, lines)
    with observe(report.ledger):
        items = work.map(inputs, concurrency=concurrency, ordered=False, on_error="raise")
        try:
            async with contextlib.aclosing(items):
                async for _ in items:
                    on_item(report)
        except asyncio.CancelledError:
            report.interrupted = True
        else:
            results.finish()
    report.wall_seconds = time.perf_counter() - began
    return report


class _Work(WorkflowPrimitive[Line, None]):
    """Runs one item and writes its record, whatever came of it."""

    def __init__(
        self,
        workflow: WorkflowPrimitive[Any, Any],
        results: Results,
        report: JobReport,
    ) -> None:
        self._workflow, self._results, self._report = workflow, results, report

    async def execute(self, input_data: Line, context: WorkflowContext = FRESH) -> None:
        """Work on one line; only what keeps the record from being written is raised."""
        record: Record = {"index": input_data.index, "input_digest": input_data.digest}
        began = time.perf_counter()
        if input_data.problem is not None:
            record |= _failure("InvalidLine", f"line {input_data.number}: {input_data.problem}")
        else:
            record |= await self._outcome(input_data.value, context)
        elapsed = time.perf_counter() - began
        record["latency_ms"] = round(elapsed * 1000, 1)
        self._results.write(record)
        self._report.items += 1
        self._report.errors += not record["ok"]
        if input_data.problem is None:
            self._report.latencies.add(elapsed)

    async def _outcome(self, value: Any, context: WorkflowContext) -> Record:  # Any: JSON
        try:
            output = await self._workflow.execute(value, context)
        except Exception as error:  # noqa: BLE001 - one item's failure is kept in its record
            return _failure(type(error).__name__, str(error))
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return _failure("CancelledError", str(error) or "the workflow cancelled itself")
        try:
            output = _as_json(output)
            json.dumps(output, allow_nan=False)
        except Exception as error:  # noqa: BLE001 - as above
            return _failure("InvalidOutput", f"the result cannot be written as JSON: {error}")
        return {"ok": True, "output": output}


# One value each, although they can be indexed; JSON knows the first and refuses the others.
_SCALAR_SEQUENCES: tuple[type, ...] = (str, bytes, bytearray, memoryview)


def _failure(kind: str, message: str) -> Record:
    return {"ok": False, "error": {"type": kind, "message": message}}


def _as_json(value: Any) -> Any:  # Any: any result; JSON comes back
    """Return *value* with dataclasses as mappings; what JSON does not know is left to fail."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = (item.name for item in dataclasses.fields(value) if item.metadata.get("cache", True))
        return {name: _as_json(getattr(value, name)) for name in kept}
    if isinstance(value, Mapping):
        return {key: _as_json(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, _SCALAR_SEQUENCES):
        return [_as_json(item) for item in cast("Sequence[Any]", value)]
    return cast("Any", value)


class _NotDone:
    """Tells whether a line is still to be worked on; counts those that are not."""

    def __init__(self, done: Mapping[int, str], report: JobReport) -> None:
        self._done, self._report = done, report

    def __call__(self, line: Line) -> bool:
        known = self._done.get(line.index)
        if known is None:
            return True
        if known != line.digest:
            msg = (
                f"line {line.number} of the input has changed since the output was begun; "
                "start anew with another --output"
            )
            raise UsageError(msg)
        self._report.resumed += 1
        return False


async def _filtered(
    wanted: Callable[[Line], bool], lines: AsyncIterator[Line]
) -> AsyncGenerator[Line, None]:
    async for line in lines:
        if wanted(line):
            yield line
