"""Measure what the primitives save on recorded calls of models, and whether that is enough.

The same as `tta cost`: without a file the demo's tickets are run with and without the primitives,
and the saving and the quality that was kept are held to their targets by their lower bounds. How
far the workspace's own calls of models are cached, routed, timed out and retried is shown as well.

Exit codes: 0 PASS, 1 FAIL, 2 misuse, 3 NOT MEASURED (1 with `--strict`).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tta_dev_primitives.cli.main import run_command_line

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Measure and give the exit code of the verdict."""
    return run_command_line(["cost", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
