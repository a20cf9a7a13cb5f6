#!/usr/bin/env python3
"""`tta lint` for pre-commit, from a clone of this repository and with nothing installed.

The linter needs Python 3.11 and its standard library alone, so the hook needs no environment.
Exit codes: 0 clean, 1 findings, 2 misuse.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "packages/tta-dev-primitives/src"))

from tta_dev_primitives.cli.exits import EXIT_FAILED, EXIT_MISUSE, UsageError
from tta_dev_primitives.cli.lint import add_arguments, run
from tta_dev_primitives.errors import ConfigurationError


def main() -> int:
    """Check the files that pre-commit names and give the exit code."""
    parser = argparse.ArgumentParser(prog="tta lint", description=__doc__, allow_abbrev=False)
    add_arguments(parser)
    try:
        return run(parser.parse_args())
    except (UsageError, ConfigurationError) as error:
        print(f"tta lint: {error}", file=sys.stderr)
        return EXIT_MISUSE
    except OSError as error:
        print(f"tta lint: {error}", file=sys.stderr)
        return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
