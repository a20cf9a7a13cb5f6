"""Make the benchmarks importable, and name what their tests share."""

from __future__ import annotations

import sys
from pathlib import Path

# Neither scripts nor test folders are packages here (import mode importlib).
sys.path.insert(0, str(Path(__file__).parents[2] / "scripts/benchmarks"))
sys.path.insert(0, str(Path(__file__).parent))
