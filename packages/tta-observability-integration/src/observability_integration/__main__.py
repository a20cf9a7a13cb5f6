"""python -m observability_integration: look at trace files."""

from __future__ import annotations

import sys

from .trace_file.commands import main

if __name__ == "__main__":
    sys.exit(main())
