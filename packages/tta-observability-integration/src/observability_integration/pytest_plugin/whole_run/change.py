"""How a figure has changed, as a number and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_WHOLE_PERCENTS: Final = 0.01
_LEAST: Final = 0.0005


@dataclass(frozen=True, slots=True)
class Change:
    """How a figure has changed since it was accepted.

    Attributes:
        before: The accepted figure.
        now: That of this run.
    """

    before: float
    now: float

    @property
    def share(self) -> float | None:
        """The difference as a share of what was; None where that was nothing."""
        return (self.now - self.before) / self.before if self.before else None

    def in_words(self, more: str = "dearer", less: str = "cheaper") -> str:
        """Return the change as text, such as `+12% dearer`.

        Args:
            more: What to call more than before.
            less: What to call less.
        """
        share = self.share
        if share is None:
            return f"all {more}" if self.now else "unchanged"
        if abs(share) < _LEAST:
            return "unchanged"
        digits = 0 if abs(share) >= _WHOLE_PERCENTS else 1
        return f"{share:+,.{digits}%} {more if share > 0 else less}"
