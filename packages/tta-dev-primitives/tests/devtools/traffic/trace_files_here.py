"""Trace files: one that a watched app wrote, and others made row by row."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any  # Any: cells and attributes

import pytest

schema = pytest.importorskip("observability_integration.trace_file.schema")

APP = """
import asyncio, sys
from observability_integration import initialize_observability, shutdown_observability
from tta_dev_primitives import CachePrimitive, OpenAIPrimitive, SequentialPrimitive
from tta_dev_primitives import WorkflowContext
from tta_dev_primitives.llm.pricing import Rates
from tta_dev_primitives.llm.types import LLMRequest
from tta_dev_primitives.testing.llm_server import ErrorStatus, LLMServer, Reply

async def main():
    initialize_observability(
        "desk", enable_prometheus=False, trace_file=sys.argv[1], capture_content=sys.argv[2]
    )
    reply = Reply("On Friday.", input_tokens=20, output_tokens=4, cached_tokens=8)
    async with LLMServer(answer=lambda request: reply) as server:
        model = OpenAIPrimitive(
            "small-model", base_url=server.openai_base_url, prices=Rates(1e-6, 5e-6)
        )
        desk = SequentialPrimitive([str.strip, CachePrimitive(model, name="answers")], name="desk")
        context = WorkflowContext(session_id="visit-1")
        for question in ("Where is it?", "Where is it? ", "And when?"):
            await desk.execute(question, context)
        for seed in (1, 1, 2):
            await model.execute(LLMRequest(({"role": "user", "content": "Why?"},), seed=seed))
        server.script([ErrorStatus(status=400)])
        try:
            await model.execute("x" * 40)
        except Exception as error:
            print(type(error).__name__)
    shutdown_observability()

asyncio.run(main())
"""

SPAN: Mapping[str, Any] = {
    "run_id": 1,
    "trace_id": "4bf92f35",
    "span_id": "00f067aa",
    "parent_id": None,
    "is_root": 1,
    "name": "chat small-model",
    "kind": "client",
    "start_ns": 1_764_000_000_250_000_000,
    "duration_ns": 1_500_000_000,
    "status": "unset",
    "operation": "chat",
    "provider": "openai",
    "model": "small-model",
    "input_tokens": 20,
    "output_tokens": 4,
    "cost_usd": 0.5,
    "attributes": "{}",
    "scope_id": 1,
}
ASKED = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Why?"}]}])


def written_by_an_app(path: Path, content: str) -> Path:
    """Return the file that a watched app wrote, with *content* captured or not."""
    program = [sys.executable, "-c", APP, str(path), content]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("BadRequestError\n", ""), done.stderr
    return path


def made(path: Path, *spans: Mapping[str, Any], run: Mapping[str, Any] | None = None) -> Path:
    """Return a file with these spans: `SPAN` with what is given of each, `attributes` as a dict."""
    with closing(sqlite3.connect(path)) as database, database:
        for statement in schema.TABLES:
            database.execute(statement)
        told = {"id": 1, "service_name": "desk", "service_version": "", "began_ns": 1}
        told |= {"ended_ns": 2, "resource": "{}"} | dict(run or {})
        _insert(database, "run", told)
        for number, given in enumerate(spans, 1):
            cells = {**SPAN, "id": number, "span_id": f"{number:08x}", **given}
            if isinstance(cells["attributes"], dict):
                cells["attributes"] = json.dumps(cells["attributes"])
            _insert(database, "span", cells)
    return path


def change(path: Path, statement: str, *cells: Any) -> Path:
    """Run *statement* on the file at *path*."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement, cells)
    return path


def _insert(database: sqlite3.Connection, table: str, cells: Mapping[str, Any]) -> None:
    marks = ", ".join("?" * len(cells))
    database.execute(
        f"INSERT INTO {table} ({', '.join(cells)}) VALUES ({marks})", [*cells.values()]
    )
