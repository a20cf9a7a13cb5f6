"""The name and version that spans and metrics of this package carry as their scope."""

from __future__ import annotations

from typing import Final

SCOPE: Final = "observability_integration"
VERSION: Final = "0.2.0"
