"""What the traces of a file wasted, by the same rules as the sums below a tree."""

from __future__ import annotations

import itertools
import operator
from typing import TYPE_CHECKING, Any, Final

from observability_integration.terminal.totals import wasted_of
from observability_integration.terminal.tree_span import TreeSpan

from .columns import from_json
from .queries import WASTE, WASTE_COLUMNS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_KEYS: Final = tuple(WASTE_COLUMNS.values())
_trace_of: Final = operator.itemgetter(0)


def wasted_in(connection: sqlite3.Connection, run: int | None) -> float:
    """Return US dollars that were spent for nothing.

    Args:
        connection: To the file.
        run: Whose money counts; None for that of all runs.

    Raises:
        ValueError: Somebody changed the file, so that it cannot be understood.
    """
    rows = connection.execute(WASTE, {"run": run})
    return sum((_wasted(trace) for _, trace in itertools.groupby(rows, _trace_of)), 0.0)


def _wasted(rows: Iterable[tuple[Any, ...]]) -> float:  # Any: what SQLite holds
    spans: list[TreeSpan] = []
    counted: list[TreeSpan] = []
    for _, counts, span_id, parent_id, start, took, failed, more, *cells in rows:
        told = {key: cell for key, cell in zip(_KEYS, cells, strict=True) if cell is not None}
        if more is not None:
            told = from_json(more) | told
        ids = int(span_id, 16), int(parent_id or "0", 16)
        span = TreeSpan("", *ids, start, start + took, bool(failed), told)
        spans.append(span)
        if counts:
            counted.append(span)
    return wasted_of(spans, counted)
