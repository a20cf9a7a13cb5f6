"""Make the helpers of this folder importable."""

from __future__ import annotations

import sys
from pathlib import Path

# Test folders are no packages here (import mode importlib), so this one is put on the path.
sys.path.insert(0, str(Path(__file__).parent))
