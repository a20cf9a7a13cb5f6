"""Go over the files of a folder in this process once, and tell what that took; see lint_speed.py.

Usage: lint_worker.py parse|lint FOLDER
"""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import sys
import time
import warnings
from pathlib import Path

from lint_resources import most_memory

from tta_dev_primitives.devtools.lint.discovery import find_files
from tta_dev_primitives.devtools.lint.runner import lint
from tta_dev_primitives.devtools.lint.settings import Settings


def parse(paths: list[str]) -> int:
    """Parse the files and drop their trees: what no tool that looks at trees goes below."""
    warnings.simplefilter("ignore")
    parsed = 0
    for path in paths:
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            ast.parse(Path(path).read_bytes())
            parsed += 1
    return parsed


def main() -> None:
    """Do what the arguments say and print one object."""
    mode, folder = sys.argv[1], Path(sys.argv[2])
    paths = find_files([str(folder)], folder).files
    before = most_memory()
    gc.collect()
    began, used = time.perf_counter(), time.process_time()
    found = 0
    if mode == "parse":
        parse(paths)
    else:
        found = len(lint(paths, Settings(), root=folder, jobs=1).findings)
    print(
        json.dumps(
            {
                "wall_seconds": time.perf_counter() - began,
                "cpu_seconds": time.process_time() - used,
                "files": len(paths),
                "findings": found,
                "megabytes_before": before,
                "megabytes": most_memory(),
            }
        )
    )


main()
