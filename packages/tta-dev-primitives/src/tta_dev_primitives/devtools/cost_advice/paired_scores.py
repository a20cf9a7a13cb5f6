"""Scores of two models on the same requests, and whether the second keeps the quality."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

from tta_dev_primitives.devtools.replay.resampling import wilson

FEWEST_SCORED: Final = 30
_Z: Final = 1.959963984540054  # 95 %, both sides


@dataclass(slots=True)
class PairedScores:
    """What two models scored and cost on the requests that have scores of both.

    Attributes:
        requests: How many.
        as_good: On how many the other model scored at least as much.
        own_dollars: What the model that was asked cost on them.
        other_dollars: What the other one would have.
        own_score: Sum of the scores of the model that was asked.
        margin: Sum of what the other scores above the share of the score that is to be kept.
        margin_squared: Sum of the squares of that.
        assumed_tokens: Requests where the other model's tokens are not known.
    """

    requests: int = 0
    as_good: int = 0
    own_dollars: float = 0.0
    other_dollars: float = 0.0
    own_score: float = 0.0
    margin: float = 0.0
    margin_squared: float = 0.0
    assumed_tokens: int = 0

    @property
    def saved(self) -> float:
        """US dollars that the other model would save; below 0 where it is dearer."""
        return self.own_dollars - self.other_dollars

    @property
    def as_good_at_least(self) -> float:
        """The lower bound, at 95 % confidence, of the share on which the other is as good."""
        return wilson(self.as_good, self.requests, 0.95).low

    def add(self, own: float, other: float, quality: float) -> None:
        """Count a request.

        Args:
            own: Score of the model that was asked.
            other: Score of the other one.
            quality: Share of the mean score to be kept.
        """
        margin = other - quality * own
        self.requests += 1
        self.as_good += other >= own
        self.own_score += own
        self.margin += margin
        self.margin_squared += margin * margin

    def keeps(self, quality: float) -> bool:
        """Tell whether the other model's mean score is at least *quality* of the own one.

        The lower bound at 95 % confidence decides. One answer is added that is wrong where the
        own model is right, because a run without a failure does not prove that there are none.
        """
        if self.requests < FEWEST_SCORED or not self.own_score:
            return False
        seen = self.requests + 1
        mean = (self.margin - quality) / seen
        variance = max(0.0, (self.margin_squared + quality**2) / seen - mean**2)
        return mean - _Z * sqrt(variance / seen) >= 0
