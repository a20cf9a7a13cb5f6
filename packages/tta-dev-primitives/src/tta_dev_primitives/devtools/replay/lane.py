"""The sums of one way to serve the traffic, by the parts that it is resampled by."""

from __future__ import annotations

import math

from .groups import GroupedEvents
from .parts import MOST_PARTS


class GivenAnswer:
    """An answer that a cache may give again and again.

    Attributes:
        model: Who gave it.
        score: How good it is; None where nobody said.
        changed: How many scored requests have it instead of their own.
        judged: How many hits have it and a score of their own.
    """

    __slots__ = ("changed", "judged", "model", "score")

    def __init__(self, model: str, score: float | None) -> None:
        self.model, self.score = model, score
        self.changed = self.judged = 0


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
        "judged",
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
        self.changed, self.judged = GroupedEvents(), GroupedEvents()
        self.wrong_hits = self.scored = self.worse = self.better = 0
        self.untouched = True

    def add_own(self, part: int, score: float | None) -> None:
        """Add an answer that is the request's own.

        Args:
            part: Where the request belongs.
            score: How good the answer is.
        """
        if score is not None:
            self._add(part, score, score)

    def add_given(self, part: int, given: GivenAnswer, own_score: float | None) -> None:
        """Add an answer that may be another than the request's own.

        Args:
            part: Where the request belongs.
            given: The answer.
            own_score: How good the request's own is.
        """
        self.untouched = False
        score = given.score
        if score is None or own_score is None:
            return
        self._add(part, score, own_score)
        self.changed.add(given.changed)
        given.changed += 1
        self.changed_parts[part] = 1
        if score < own_score:
            self.worse += 1
        elif score > own_score:
            self.better += 1

    def add_hit(self, given: GivenAnswer, fresh_score: float | None) -> None:
        """Judge an answer from the cache by what a fresh one of the same model scores."""
        if given.score is not None and fresh_score is not None:
            self.judged.add(given.judged)
            given.judged += 1
            self.wrong_hits += given.score != fresh_score

    def _add(self, part: int, score: float, own_score: float) -> None:
        self.scored += 1
        self.scored_parts[part] = 1
        self.scores[part] += score
        self.own_scores[part] += own_score

    @property
    def cost(self) -> float:
        """US dollars of all requests."""
        return math.fsum(self.costs)
