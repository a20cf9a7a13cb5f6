"""The main job: any JSONL through any workflow, with bounded memory and nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from tta_dev_primitives.core.base import FRESH, WorkflowPrimitive
from tta_dev_primitives.core.observe import observe
from tta_dev_primitives.llm.ledger import Ledger

from .latencies import Latencies
from .main import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tta_dev_primitives.core.context import WorkflowContext

    from .results import Results


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


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the input: its index from 0, its number from 1, its value or what is wrong."""

    index: int
    number: int
    digest: str
    value: Any  # Any: JSON
    problem: str | None = None


async def run_job(
    workflow: WorkflowPrimitive[Any, Any],  # Any: the user's own types
    lines: Iterator[Line],
    results: Results,
    *,
    concurrency: int,
    on_item: Callable[[JobReport], None],
) -> JobReport:
    """Run *workflow* on every line and write a record for each as it finishes.

    Cancelling the job stops what is running and keeps what has finished.

    Args:
        workflow: What to run.
        lines: The input; read only as fast as it is worked on.
        results: Where records go.
        concurrency: How many items are worked on at once.
        on_item: Called after each item.
    """
    report = JobReport()
    began = time.perf_counter()
    work = _Work(workflow, results, report)
    todo = _not_done(lines, results.done, report)
    with observe(report.ledger):
        items = work.map(todo, concurrency=concurrency, ordered=False)
        try:
            async with contextlib.aclosing(items):
                async for item in items:
                    if item.error is not None:
                        raise item.error  # not the workflow's: the output cannot be written
                    on_item(report)
        except asyncio.CancelledError:
            report.interrupted = True
        finally:
            report.wall_seconds = time.perf_counter() - began
            if sys.exc_info()[0] is not None or report.interrupted:
                results.close()
    if not report.interrupted:
        results.finish()
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
        record: dict[str, Any] = {"index": input_data.index, "input_digest": input_data.digest}
        began = time.perf_counter()
        if input_data.problem is not None:
            record |= _failure("InvalidLine", f"line {input_data.number}: {input_data.problem}")
        else:
            try:
                output = await self._workflow.execute(input_data.value, context)
                json.dumps(output := _as_json(output))
            except Exception as error:  # noqa: BLE001 - one item's failure is kept in its record
                record |= _failure(type(error).__name__, str(error))
            else:
                record |= {"ok": True, "output": output}
        elapsed = time.perf_counter() - began
        record["latency_ms"] = round(elapsed * 1000, 1)
        self._results.write(record)
        self._report.items += 1
        self._report.errors += not record["ok"]
        self._report.latencies.add(elapsed)


def _failure(kind: str, message: str) -> dict[str, Any]:
    return {"ok": False, "error": {"type": kind, "message": message}}


def _as_json(value: Any) -> Any:  # Any: any result; JSON comes back
    """Return *value* with dataclasses as mappings; what JSON does not know is left to fail."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: _as_json(getattr(value, item.name))
            for item in dataclasses.fields(value)
            if item.metadata.get("cache", True)
        }
    if isinstance(value, Mapping):
        return {key: _as_json(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_as_json(item) for item in cast("Sequence[Any]", value)]
    return value


def _not_done(lines: Iterator[Line], done: Mapping[int, str], report: JobReport) -> Iterator[Line]:
    for line in lines:
        known = done.get(line.index)
        if known is None:
            yield line
        elif known == line.digest:
            report.resumed += 1
        else:
            msg = (
                f"line {line.number} of the input has changed since the output was begun; "
                "start anew with another --output"
            )
            raise UsageError(msg)


@contextlib.contextmanager
def open_lines(source: str) -> Iterator[Iterator[Line]]:
    """Open a JSONL file, or standard input for `-`, as an iterator of lines.

    Raises:
        UsageError: There is no such file, or it cannot be read.
    """
    if source == "-":
        yield read_lines(sys.stdin.buffer)
        return
    try:
        file = Path(source).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        msg = f"cannot read {source}: {error.strerror}"
        raise UsageError(msg) from error
    with file:
        yield read_lines(file)


def read_lines(file: IO[bytes]) -> Iterator[Line]:
    """Yield the lines of a JSONL file; blank ones are skipped, broken ones carry their problem."""
    index = 0
    for number, raw in enumerate(file, start=1):
        text = raw.strip()
        if not text:
            continue
        digest = hashlib.sha256(text).hexdigest()[:12]
        try:
            yield Line(index, number, digest, json.loads(text))
        except (ValueError, RecursionError) as error:
            yield Line(index, number, digest, None, f"not JSON: {error}")
        index += 1
