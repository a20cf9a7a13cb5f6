"""What answers from a cache have saved: money, tokens and time."""

from __future__ import annotations

from typing import Protocol


class Priced(Protocol):
    """Something that knows what it took to make it; None where that is not known."""

    cost: float | None
    input_tokens: int | None
    output_tokens: int | None
    duration: float | None


class Savings:
    """Hits, and the sums of what each of them would have cost again.

    Attributes:
        hits: Answers that needed no call.
        cost: US dollars.
        input_tokens: Tokens that were not sent.
        output_tokens: Tokens that were not generated.
        seconds: What the calls took when they were made.
    """

    __slots__ = ("cost", "hits", "input_tokens", "output_tokens", "seconds")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.hits = self.input_tokens = self.output_tokens = 0
        self.cost = self.seconds = 0.0

    def add(self, answer: Priced, uses: int = 1) -> None:
        """Count *uses* more answers by *answer*."""
        self.hits += uses
        # Most answers know their duration only, and this is on the path of every stored hit.
        if answer.duration is not None:
            self.seconds += uses * answer.duration
        if answer.cost is not None:
            self.cost += uses * answer.cost
        if answer.input_tokens is not None:
            self.input_tokens += uses * answer.input_tokens
        if answer.output_tokens is not None:
            self.output_tokens += uses * answer.output_tokens

    def copy(self) -> Savings:
        """Return the same sums, to be counted on apart."""
        copied = Savings()
        copied.merge(self)
        return copied

    def merge(self, other: Savings) -> None:
        """Add the sums of *other*."""
        self.hits += other.hits
        self.cost += other.cost
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.seconds += other.seconds
