"""Make the helpers of this room importable, as `dashboards.promql` and the like."""

from __future__ import annotations

import sys
from pathlib import Path

# Test folders are no packages here (import mode importlib), so the folder above is put on the path.
sys.path.append(str(Path(__file__).parents[1]))
