"""Check that the packages can be released: `tta release check` for workflows.

Exit codes: 0 clean, 1 findings, 2 misuse.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tta_dev_primitives.cli import release
from tta_dev_primitives.cli.exits import EXIT_MISUSE
from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the workspace named on the command line and give the exit code."""
    parser = argparse.ArgumentParser(description=release.DESCRIPTION, allow_abbrev=False)
    release.add_arguments(parser)
    try:
        return release.run(parser.parse_args(arguments))
    except ConfigurationError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_MISUSE


if __name__ == "__main__":
    sys.exit(main())
