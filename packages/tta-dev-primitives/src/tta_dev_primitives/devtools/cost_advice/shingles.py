"""Texts as sets of numbers, so that how alike two are is how many numbers they share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

LONGEST_TEXT: Final = 2_000  # its end is taken: what is asked comes after the instructions
_AROUND_WORDS: Final = ".,;:!?\"'()[]{}<>`*"
_MIX: Final = 0x9E3779B97F4A7C15
_BITS: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Shingles:
    """What tells a text apart.

    Attributes:
        numbers: One for each word and each pair of neighbours, those that all texts have left out.
        marks: Words that are not letters alone, such as `C++` or `2024`; texts that differ in
            one ask for different things however alike they are.
        lowest: The four lowest numbers; texts that are alike have one of them in common.
    """

    numbers: frozenset[int]
    marks: frozenset[str]
    lowest: tuple[int, ...]

    def likeness(self, other: Shingles) -> float:
        """Return the share of their numbers that both have, from 0 to 1; 0 if marks differ."""
        if self.marks != other.marks:
            return 0.0
        shared = len(self.numbers & other.numbers)
        both = len(self.numbers) + len(other.numbers) - shared
        return shared / both if both else 0.0


def words_of(text: str) -> list[str]:
    """Return the words at the end of *text* in order, in small letters, without punctuation."""
    end = text[-LONGEST_TEXT:]
    if not end.isascii():  # half a surrogate pair cannot be encoded
        end = end.encode(errors="replace").decode()
    stripped = (each.strip(_AROUND_WORDS) for each in end.casefold().split())
    return [each for each in stripped if each]


def lot_of(words: Collection[str]) -> int:
    """Return a number by which to draw texts; texts with much the same words have the same."""
    return _mixed(min(map(crc32, map(str.encode, words)), default=0))


def shingles_of(words: Sequence[str], common: Collection[str]) -> Shingles:
    """Return what tells a text of *words* apart from others that have the words in *common*."""
    numbers: set[int] = set()
    marks: set[str] = set()
    known: dict[str, int] = {}
    for word in words:
        if word not in known:
            known[word] = number = _mixed(crc32(word.encode()))
            if word not in common:
                numbers.add(number)
                if not word.isalpha():
                    marks.add(word)
    for first, second in pairwise(words):
        if first not in common or second not in common:
            numbers.add(_mixed(known[first] + 3 * known[second]))
    return Shingles(frozenset(numbers), frozenset(marks), tuple(sorted(numbers)[:4]))


def _mixed(number: int) -> int:
    product = (number + 1) * _MIX & _BITS
    return product ^ product >> 29
