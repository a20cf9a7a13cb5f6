"""Build this package with its own build hook, which is not installed before it is built."""  # noqa: INP001 - hatchling runs this file by its path

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "src"))

from tta_dev_primitives.devtools.build_hook.plugin import PublishableWheel

__all__ = ["PublishableWheel"]
