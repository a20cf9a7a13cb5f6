"""What a measurement is held to, and how its bounds are drawn."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ReplayError


@dataclass(frozen=True, slots=True)
class Targets:
    """What has to hold for a PASS, each by the bound that is less kind.

    Args:
        saving: Share of the cost to be saved, above 0 and below 1.
        quality: Share of the quality as it is to be kept.
        wrong_hits: Largest share of hits with another score than a fresh answer.
        least_conversations: With fewer, nothing is judged.
        confidence: Of the bounds, such as 0.95.
        resamples: How often the traffic is drawn anew.
        seed: Of the draws.
    """

    saving: float = 0.40
    quality: float = 0.95
    wrong_hits: float = 0.05
    least_conversations: int = 30
    confidence: float = 0.95
    resamples: int = 1_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in (("saving", self.saving), ("confidence", self.confidence)):
            if not 0 < value < 1:
                msg = f"{name} must be above 0 and below 1, got {value!r}"
                raise ReplayError(msg)
        if not 0 < self.quality <= 2:  # a cheaper way may well be held to be better
            msg = f"quality must be above 0 and at most 2, got {self.quality!r}"
            raise ReplayError(msg)
        if not 0 < self.wrong_hits <= 1:
            msg = f"wrong_hits must be above 0 and at most 1, got {self.wrong_hits!r}"
            raise ReplayError(msg)
        if self.least_conversations < 2:
            msg = f"least_conversations must be at least 2, got {self.least_conversations!r}"
            raise ReplayError(msg)
        if self.resamples < 100:
            msg = f"resamples must be at least 100, or bounds are noise, got {self.resamples!r}"
            raise ReplayError(msg)
