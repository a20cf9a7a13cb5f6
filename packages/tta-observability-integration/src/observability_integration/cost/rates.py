"""Counts of tokens, and what they cost where each token of a kind costs the same."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """The tokens of one answer of a model.

    Attributes:
        input: Of the prompt, those that were read from or written to a cache included.
        output: Of the answer, those of reasoning included.
        cache_read: Of the input, what came from the provider's cache.
        cache_write: Of the input, what went into it.
        cache_write_1h: Of those written, what is kept for an hour.
        reasoning: Of the output, what was spent on reasoning.
        audio_input: Of the input, what was sound.
        image_input: Of the input, what was pictures.
        video_input: Of the input, what was film.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    audio_input: int = 0
    image_input: int = 0
    video_input: int = 0


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars for a million tokens of each kind; None where a kind has no price of its own.

    Tokens without a price of their own cost what the kind costs that they are a part of: cached
    ones as input, those kept for an hour as written ones.
    """

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None

    def cost(self, tokens: TokenCounts) -> float | None:
        """Return what *tokens* cost in US dollars; None where the counts contradict each other."""
        fresh, total = tokens.input, 0.0
        if self.cache_read is not None:
            fresh -= tokens.cache_read
            total += tokens.cache_read * self.cache_read
        if self.cache_write is not None:
            fresh -= tokens.cache_write
            written = tokens.cache_write
            if self.cache_write_1h is not None:
                written -= tokens.cache_write_1h
                total += tokens.cache_write_1h * self.cache_write_1h
            if written < 0:
                return None
            total += written * self.cache_write
        if fresh < 0:
            return None
        return (total + fresh * self.input + tokens.output * self.output) / 1e6


def checked_rate(name: str, value: object) -> float:
    """Return *value* as US dollars for a million tokens.

    Raises:
        ValueError: It is not a number of 0 or more.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        msg = f"{name} must be 0 or more US dollars for a million tokens, got {value!r}"
        raise ValueError(msg)
    return float(value)
