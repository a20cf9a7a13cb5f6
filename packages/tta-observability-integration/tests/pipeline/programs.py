"""Whole programs that use a pipeline, run in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60.0

_BEGINNING = """
import atexit, json, os, signal, sys, threading, time
from fake_exporters import FakeExporter, balance, make_spans, offer_all
from observability_integration.pipeline.pipeline import SpanPipeline

def tell(who, pipeline, exporter):
    line = json.dumps({
        "who": who, "offered": pipeline.offered, "dropped": pipeline.dropped,
        "exported": exporter.exported, "exporter_dropped": exporter.dropped,
        "unknown": balance(pipeline)["fake"],
    })
    os.write(1, (line + "\\n").encode())

def join(child):
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 0, status
"""


def run_program(body: str, *, exit_code: int = 0) -> dict[str, dict[str, Any]]:
    """Run *body* and return what it told, by who told it."""
    # A fork beside threads is what is tested; Python 3.12 and later warn of it.
    result = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            _BEGINNING + textwrap.dedent(body),
        ],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert result.returncode == exit_code, result.stderr
    return {told["who"]: told for told in map(json.loads, result.stdout.splitlines())}
