"""Check what makes calls of models dear, slow or fragile, and show how far that is cured.

The same as `tta lint --adoption`: findings first, then per member of the workspace which calls of
models are cached, routed, timed out and retried. `--json` gives both as one object.

Exit codes: 0 clean, 1 findings, 2 misuse.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tta_dev_primitives.cli.main import run_command_line

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run the linter with the table at the end and give its exit code."""
    return run_command_line(["lint", "--adoption", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
