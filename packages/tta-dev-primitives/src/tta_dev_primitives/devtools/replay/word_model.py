"""Expects scores from the words of a request, by logistic regression on hashed words."""

from __future__ import annotations

import math
import random
import re
import zlib
from itertools import chain
from typing import TYPE_CHECKING, Final

from .estimates import CostByLength
from .fit_sample import LONGEST_TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .fit_sample import FitRow

_WORD: Final = re.compile(r"\w+")
_SLOTS: Final = 1 << 16
_KNOWN_WORDS: Final = 100_000
_EPOCHS: Final = 3
_STEP: Final = 0.1
_FIRST_SQUARE: Final = 0.01


class HashedWords:
    """Turns a request into the slots of its words, its place and the size of its text."""

    def __init__(self) -> None:
        self._slots: dict[str, int] = {}

    def slots_of(self, request: TrafficRequest, length: int) -> list[int]:
        """Return the slots, each once and in order."""
        known = self._slots
        if len(known) > _KNOWN_WORDS:  # words are without end where they are numbers
            known.clear()
        found: set[int] = set()
        words = _WORD.findall(request.text[:LONGEST_TEXT].lower())
        # A blank keeps these two apart from words, which have none.
        for word in chain(words, (f"place {request.place}", f"size {length.bit_length()}")):
            slot = known.get(word)
            if slot is None:
                digest = zlib.crc32(word.encode("utf-8", "surrogatepass"))
                slot = known[word] = digest % _SLOTS
            found.add(slot)
        return sorted(found)


class WordModel:
    """Expects of each model a score by the words, and a cost by the length.

    Words count by how rare they are. The weights come from three rounds of AdaGrad over the rows,
    in an order that only *seed* decides, so the same rows give the same model. The time is
    proportional to the words of all rows times the models: 8,000 prompts of 50 different words
    and two models take one to two seconds.

    Args:
        rows: Earlier requests.
        models: How many models they have scores of.
        words: May be shared between models of the same words.
        seed: Of the order.
    """

    def __init__(
        self, rows: Sequence[FitRow], models: int, words: HashedWords, *, seed: int = 0
    ) -> None:
        self._words = words
        self._costs = CostByLength(rows, models)
        slots = [words.slots_of(row.request, row.length) for row in rows]
        self._rarity = _rarity(slots)
        inputs = [self._weighted(found) for found in slots]
        self._weights = [[0.0] * _SLOTS for _ in range(models)]
        self._biases = [
            _log_odds(math.fsum(row.scores[model] for row in rows) / len(rows))
            for model in range(models)
        ]
        squares = [[_FIRST_SQUARE] * _SLOTS for _ in range(models)]
        order = list(range(len(rows)))
        lot = random.Random(seed)
        for _ in range(_EPOCHS):
            lot.shuffle(order)
            for index in order:
                given, scores = inputs[index], rows[index].scores
                for model in range(models):
                    self._learn(model, squares[model], given, scores[model])

    def of(self, request: TrafficRequest, length: int) -> tuple[list[float], list[float]]:
        """Return scores and US dollars by model."""
        given = self._weighted(self._words.slots_of(request, length))
        scores: list[float] = []
        for weights, bias in zip(self._weights, self._biases, strict=True):
            sum_ = bias
            for slot, value in given:
                sum_ += weights[slot] * value
            scores.append(_chance(sum_))
        return scores, self._costs.of(length)

    def _weighted(self, slots: Sequence[int]) -> list[tuple[int, float]]:
        rarity = self._rarity
        found = [(slot, value) for slot in slots if (value := rarity[slot])]
        norm = math.sqrt(sum(value * value for _, value in found)) or 1.0
        return [(slot, value / norm) for slot, value in found]

    def _learn(
        self, model: int, squares: list[float], given: list[tuple[int, float]], score: float
    ) -> None:
        weights, sum_ = self._weights[model], self._biases[model]
        for slot, value in given:
            sum_ += weights[slot] * value
        error = _chance(sum_) - score
        root = math.sqrt
        for slot, value in given:
            slope = error * value
            square = squares[slot] = squares[slot] + slope * slope
            weights[slot] -= _STEP * slope / root(square)


def _rarity(rows: Sequence[Sequence[int]]) -> list[float]:
    counts = [0] * _SLOTS
    for slots in rows:
        for slot in slots:
            counts[slot] += 1
    # A word of one row alone says nothing of other rows.
    return [math.log((len(rows) + 1) / (count + 1)) + 1 if count > 1 else 0.0 for count in counts]


def _chance(log_odds: float) -> float:
    if log_odds < -700:
        return 0.0
    return 1 / (1 + math.exp(-log_odds))


def _log_odds(share: float) -> float:
    kept = min(max(share, 1e-3), 1 - 1e-3)
    return math.log(kept / (1 - kept))
