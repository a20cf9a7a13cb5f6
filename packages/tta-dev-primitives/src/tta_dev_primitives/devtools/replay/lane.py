"""The sums of one way to serve the traffic, by the parts that it is resampled by."""

from __future__ import annotations

import math

from .parts import MOST_PARTS


class Lane:
    """What one way to serve the traffic cost and how good its answers were.

    Scores are summed beside those of the same answers as they were, so that requests without
    either count for nothing.

    Args:
        name: What it is called in reports.
        most_parts: How many parts there are at most.
    """

    __slots__ = (
        "better",
        "calls",
        "changed",
        "changed_parts",
        "costs",
        "hits",
        "judged_hits",
        "name",
        "own_scores",
        "scored",
        "scored_parts",
        "scores",
        "untouched",
        "worse",
        "wrong_hits",
    )

    def __init__(self, name: str, most_parts: int = MOST_PARTS) -> None:
        self.name = name
        self.costs = [0.0] * most_parts
        self.scores = [0.0] * most_parts
        self.own_scores = [0.0] * most_parts
        self.changed_parts = bytearray(most_parts)
        self.scored_parts = bytearray(most_parts)
        self.calls = self.hits = 0
        self.judged_hits = self.wrong_hits = 0
        self.scored = self.changed = self.worse = self.better = 0
        self.untouched = True

    def add_score(
        self, part: int, score: float | None, own_score: float | None, *, changed: bool
    ) -> None:
        """Add how good an answer was.

        Args:
            part: Where the request belongs.
            score: Of the answer that was given.
            own_score: Of the answer as it is.
            changed: Whether they are two answers.
        """
        if changed:
            self.untouched = False
        if score is None or own_score is None:
            return
        self.scored += 1
        self.scored_parts[part] = 1
        self.scores[part] += score
        self.own_scores[part] += own_score
        if changed:
            self.changed += 1
            self.changed_parts[part] = 1
            if score < own_score:
                self.worse += 1
            elif score > own_score:
                self.better += 1

    def add_hit(self, score: float | None, fresh_score: float | None) -> None:
        """Judge an answer from the cache by what a fresh one of the same model scores."""
        if score is not None and fresh_score is not None:
            self.judged_hits += 1
            self.wrong_hits += score != fresh_score

    @property
    def cost(self) -> float:
        """US dollars of all requests."""
        return math.fsum(self.costs)
