"""Words that all requests of a place share: a template or instructions, not a question."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Held = TypeVar("Held")

LEARNT_FROM: Final = 32
FEWEST_TEXTS: Final = 8  # with fewer nobody can tell a template from a question


class CommonWords(Generic[Held]):
    """Hold the first 32 texts back, then name the words that more than half of them have.

    Without this, requests with the same long instructions look alike whatever they ask.
    """

    def __init__(self) -> None:
        self._held: list[tuple[Held, Sequence[str]]] = []
        self._counts: Counter[str] = Counter()
        self.words: frozenset[str] | None = None

    def hold(self, what: Held, words: Sequence[str]) -> bool:
        """Keep a text for later; tell whether enough are there now."""
        self._held.append((what, words))
        self._counts.update(set(words))
        return len(self._held) >= LEARNT_FROM

    def learn(self) -> list[tuple[Held, Sequence[str]]]:
        """Fix the words, and return the texts that were held back; none where they are too few."""
        held, enough = self._held, len(self._held) >= FEWEST_TEXTS
        most = len(held) / 2
        self.words = frozenset(word for word, seen in self._counts.items() if seen > most)
        self._held, self._counts = [], Counter()
        return held if enough else []
