"""Why a lock, or what belongs to it, cannot be judged."""

from __future__ import annotations

from tta_dev_primitives.errors import ConfigurationError


class LockfileError(ConfigurationError):
    """Raised when a lock cannot be judged; the text is one line with the next move."""
