"""Check that uv.lock names only the index that every user of this workspace can reach.

``uv lock --check`` accepts a lock whose packages come from somebody's private index or a proxy
on their own machine. This check does not: it compares every registry with one value, uv's own
default, asked of uv itself; indexes declared in the root's ``[[tool.uv.index]]`` are allowed too.

Exit codes: 0 clean, 1 findings, 2 misuse (no lock, a merge conflict, not TOML, no uv).
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.lockfile.default_index import default_registry
from tta_dev_primitives.devtools.lockfile.guard import find_leaks
from tta_dev_primitives.devtools.lockfile.lockfile_error import LockfileError
from tta_dev_primitives.devtools.lockfile.reading import read_tree
from tta_dev_primitives.devtools.lockfile.revisions import side_from_file
from tta_dev_primitives.devtools.lockfile.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the lock named on the command line and give the exit code."""
    parser = argparse.ArgumentParser(
        description="Check that uv.lock names only the index every user can reach.",
        epilog="exit codes: 0 clean, 1 findings, 2 misuse",
    )
    parser.add_argument("lockfile", nargs="?", type=Path, default=Path("uv.lock"))
    parser.add_argument("--registry", help="the one registry allowed; default: uv's own default")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    options = parser.parse_args(arguments)
    path: Path = options.lockfile
    try:
        side = side_from_file(path)
        lock = read_tree(side.lock, side.label)
        declared = read_settings(side.pyproject, side.pyproject_label).indexes
        registry: str = options.registry or default_registry()
    except LockfileError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    leaks = find_leaks(lock, registry, declared)
    if options.json:
        rows = [asdict(leak) for leak in leaks]
        print(json.dumps({"lockfile": str(path), "registry": registry, "findings": rows}, indent=2))
    else:
        for leak in leaks:
            print(f"{path}: [{leak.rule}] {leak.package or '-'}: {leak.value} {leak.message}")
        print(f"{path}: {len(leaks)} findings" if leaks else f"{path}: clean")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main())
