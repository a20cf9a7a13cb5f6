"""Types flow from step to step: pyright agrees with the files in `typing/`, line by line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).with_name("typing")
FILES = sorted(path.name for path in FOLDER.glob("*.py"))
MARK = "# expect-error"


@pytest.fixture(scope="module")
def errors() -> dict[str, dict[int, str]]:
    """What pyright finds: the text of the errors, by file and line."""
    pytest.importorskip("pyright", reason="pyright is not installed. Try: uv sync")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(
        [*command, "--project", str(FOLDER)], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == len(FILES)
    found: dict[str, dict[int, str]] = {name: {} for name in FILES}
    for entry in report["generalDiagnostics"]:
        line = entry["range"]["start"]["line"] + 1
        found[Path(entry["file"]).name].setdefault(line, entry["message"])
    return found


@pytest.mark.parametrize("name", FILES)
def test_pyright_accepts_and_refuses_exactly_what_it_should(
    errors: dict[str, dict[int, str]], name: str
) -> None:
    """Strict mode; an error on a line without the mark fails, and so does a mark without one."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    expected = {number for number, line in enumerate(lines, start=1) if line.endswith(MARK)}
    unexpected = {line: text for line, text in errors[name].items() if line not in expected}
    missing = {line: lines[line - 1].strip() for line in expected - set(errors[name])}
    assert (unexpected, missing) == ({}, {})


def test_there_is_something_to_refuse() -> None:
    """A file without a marked line would pass with any types at all."""
    assert FILES
    assert all(MARK in (FOLDER / name).read_text(encoding="utf-8") for name in FILES)
