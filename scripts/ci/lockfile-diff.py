"""Compare two locks of uv: `tta lockdiff` for workflows, without what the tta command needs.

Exit codes: 0 nothing has level fail, 1 something has, 2 misuse.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tta_dev_primitives.cli import lockdiff
from tta_dev_primitives.cli.exits import EXIT_MISUSE, UsageError
from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the locks named on the command line and give the exit code."""
    parser = argparse.ArgumentParser(description=lockdiff.DESCRIPTION, allow_abbrev=False)
    lockdiff.add_arguments(parser)
    try:
        return lockdiff.run(parser.parse_args(arguments))
    except (UsageError, ConfigurationError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_MISUSE


if __name__ == "__main__":
    sys.exit(main())
