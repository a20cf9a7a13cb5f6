"""What CI keeps between its runs: uv's cache, pruned, and answers that depend on packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/ci/kept-answers.py"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def run(folder: Path, *command: str, code: int = 0) -> str:
    """Run a program of this environment with its cache in a folder."""
    ran = subprocess.run(
        [sys.executable, *command],
        env=os.environ | {"TTA_CACHE_DIR": str(folder), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_cache_of_uv_is_pruned_wherever_it_is_kept(path: Path) -> None:
    """Each run stores hundreds of megabytes that the index has ready anyway."""
    jobs: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    for job in jobs.values():
        for step in job["steps"]:
            if "setup-uv@" in step.get("uses", ""):
                given = step["with"]
                assert given.get("prune-cache", False) is given["enable-cache"]


def test_answers_are_kept_and_pruned_as_the_workflow_does(tmp_path: Path) -> None:
    """A later run asks for everything again, or the cache grows for ever."""
    pytest.importorskip("genai_prices", reason="needs the extra llm")
    first = json.loads(run(tmp_path, str(SCRIPT), "--json"))
    assert (first["kept"], len(first["asked"])) == (0, 3)
    again = json.loads(run(tmp_path, str(SCRIPT), "--json", "--all-kept"))
    assert (again["kept"], again["prices"]) == (3, first["prices"])
    told = run(tmp_path, "-m", "tta_dev_primitives", "cache", "prune")
    assert "0 of packages that no environment has any more" in told
    assert "3 of 3 answers were kept" in run(tmp_path, str(SCRIPT), "--all-kept")


def test_answers_that_were_not_kept_are_a_finding(tmp_path: Path) -> None:
    """The job is green though the cache does nothing."""
    pytest.importorskip("genai_prices", reason="needs the extra llm")
    assert "0 of 3 answers were kept" in run(tmp_path, str(SCRIPT), "--all-kept", code=1)


def test_workflow_asks_with_the_folder_that_it_keeps() -> None:
    """The folder that is stored is not the one that is used."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/quality-check.yml").read_text("utf-8"))
    job = workflow["jobs"]["kept-answers"]
    [kept] = [step["with"] for step in job["steps"] if "actions/cache@" in step.get("uses", "")]
    assert "TTA_CACHE_DIR" in job["env"]
    assert kept["path"] == "${{ env.TTA_CACHE_DIR }}"
    ran = [line for step in job["steps"] for line in step.get("run", "").splitlines()]
    assert ran[-1] == "uv run tta cache prune"
