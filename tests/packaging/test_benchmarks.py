"""The benchmarks run and tell what they measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNS = {
    "encoding": ["--only", "encoding"],
    "all": [],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(
            arguments,
            id=name,
            marks=pytest.mark.skipif(
                not arguments and os.environ.get("TTA_LONG") != "1", reason="set TTA_LONG=1"
            ),
        )
        for name, arguments in RUNS.items()
    ],
)
def test_the_benchmark_of_observability_runs(arguments: list[str], tmp_path: Path) -> None:
    """What is measured was renamed, and nobody notices until the next release."""
    script, report = ROOT / "scripts/benchmarks/observability.py", tmp_path / "report.json"
    command = [sys.executable, script, "--quick", *arguments, "--json", report]
    result = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(report.read_text(encoding="utf-8"))
    assert "encod" in result.stdout
