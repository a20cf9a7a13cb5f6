"""Requests in nearly the same words as an earlier one: candidates for a semantic cache."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from tta_dev_primitives.devtools.written.figures import of_all, plural, share

from .advice import Lever, LeverName, Unjudged
from .common_words import FEWEST_TEXTS, CommonWords
from .figures import plain
from .largest_parts import LargestParts
from .place_names import BoundedNames
from .shingles import Shingles, lot_of, shingles_of, words_of
from .shown_text import shown_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .lever_search import Spending

ALIKE: Final = 0.7
_FEWEST_NUMBERS: Final = 3  # a word or two alone say too little
_MOST_GROUPS: Final = 64
_MOST_ENTRIES: Final = 5_000
LOOKED_AT: Final = 20_000
_EXACTLY_SEEN: Final = 20_000
_KEPT_TEXT: Final = 400


class _Asked(NamedTuple):
    number: int
    scope: tuple[str, str]
    ts: float
    dollars: float
    weight: int
    text: str


_Slot: TypeAlias = tuple[tuple[str, str], int]


class _Entry(NamedTuple):
    asked: _Asked
    shingles: Shingles


class NearRepeats:
    """Look for requests that share most of their words with an earlier one, by tenant and model.

    No meaning is compared. Words that most requests of a place have are left out, texts whose
    numbers or symbols differ are never alike, and texts that are wholly the same are left to
    `exact repeats`. In large traffic only some texts are looked at: first every one, then every
    second, then every fourth. They are drawn by their words, so that those that are alike are
    drawn together.

    Args:
        ttl_seconds: How long an answer is kept.
        looked_at: After so many texts the next ones are drawn half as often.
    """

    name: LeverName = "near repeats"

    def __init__(self, ttl_seconds: float, *, looked_at: int = LOOKED_AT) -> None:
        self._ttl, self._each = ttl_seconds, looked_at
        self._names = BoundedNames(_MOST_GROUPS)
        self._groups: dict[str, CommonWords[_Asked]] = {}
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._slots: dict[_Slot, int] = {}
        self._seen_keys: OrderedDict[tuple[str, str, bytes], None] = OrderedDict()
        self._with_text = self._different = self._looked_at = self._judged = self._found = 0
        self._doublings = 0
        self._saved = 0.0
        self._parts: LargestParts[int] = LargestParts(show=shown_end)

    def add(self, request: TrafficRequest, dollars: float) -> None:
        """See the next request."""
        if not request.text:
            return
        self._with_text += 1
        if request.error is not None or self._is_exact(request):
            return
        self._different += 1
        place = self._names.of(request.place)
        group = self._groups.get(place)
        if group is None:
            group = self._groups[place] = CommonWords()
        words = words_of(request.text)
        if self._doublings:
            distinct = set(words) - (group.words or frozenset())
            if lot_of(distinct) & ((1 << self._doublings) - 1):
                return
        self._looked_at += 1
        asked = _Asked(
            self._looked_at,
            (request.tenant, request.model),
            request.ts,
            dollars,
            1 << self._doublings,
            request.text[-_KEPT_TEXT:],
        )
        if not self._looked_at % self._each:
            self._doublings += 1
        if group.words is not None:
            self._compare(asked, words, group.words)
        elif group.hold(asked, words):
            self._judge_held(group)

    def result(self, spending: Spending) -> Lever | Unjudged:
        """Return what requests in nearly the same words cost, which is the most to be saved."""
        for group in self._groups.values():
            if group.words is None:
                self._judge_held(group)
        if not self._with_text:
            reason = "no request has its text recorded; record messages or prompt"
            return Unjudged(self.name, reason)
        if not self._looked_at:
            return Unjudged(self.name, "every request with a text failed")
        if not self._judged:
            reason = (
                f"only {plural(self._looked_at, 'different text')}, fewer than {FEWEST_TEXTS} at "
                "each place, where a template cannot be told from a question"
            )
            return Unjudged(self.name, reason)
        evidence = [
            (
                f"{of_all(self._found, self._judged)} texts share {share(ALIKE)} of their "
                f"words or more with one answered within {plain(self._ttl)} s, and are not the same"
            ),
            "like words are no proof of a like meaning, and the same in other words is not seen",
        ]
        if self._doublings:
            evidence.append(
                f"{self._judged:,} of {self._different:,} texts were drawn and looked at; the "
                "figure is an estimate from these"
            )
        return Lever(
            name=self.name,
            dollars=self._saved,
            share=spending.share(self._saved),
            confidence="upper bound",
            evidence=tuple(evidence),
            largest=self._parts.largest(),
            assumption="every near repeat may be given the earlier answer, which nobody verified; "
            "let a cache in shadow report its hits, and check a sample of them",
            code=(
                "from tta_dev_primitives import CachePrimitive\n"
                "ask = CachePrimitive(ask, shadow=True, "
                'cache_key_fn=lambda text, context: " ".join(text.casefold().split()))'
            ),
        )

    def _is_exact(self, request: TrafficRequest) -> bool:
        digest = (
            request.key or blake2b(request.text.encode(errors="replace"), digest_size=16).digest()
        )
        key = (request.tenant, request.model, digest)
        seen = self._seen_keys
        if key in seen:
            seen.move_to_end(key)
            return True
        seen[key] = None
        if len(seen) > _EXACTLY_SEEN:
            seen.popitem(last=False)
        return False

    def _judge_held(self, group: CommonWords[_Asked]) -> None:
        held = group.learn()
        for asked, words in held:
            self._compare(asked, words, group.words or frozenset())

    def _compare(self, asked: _Asked, words: Sequence[str], common: frozenset[str]) -> None:
        self._judged += 1
        shingles = shingles_of(words, common)
        if len(shingles.numbers) < _FEWEST_NUMBERS:
            return
        slots = [(asked.scope, number) for number in shingles.lowest]
        for number in dict.fromkeys(self._slots.get(slot) for slot in slots):
            entry = None if number is None else self._entries.get(number)
            if (
                entry is not None
                and asked.ts - entry.asked.ts < self._ttl
                and entry.shingles.likeness(shingles) >= ALIKE
            ):
                self._found += 1
                saved = asked.dollars * asked.weight
                self._saved += saved
                self._parts.add(entry.asked.number, saved, entry.asked.text)
                return
        self._entries[asked.number] = _Entry(asked, shingles)
        for slot in slots:
            self._slots[slot] = asked.number
        if len(self._entries) > _MOST_ENTRIES:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        number, entry = self._entries.popitem(last=False)
        for lowest in entry.shingles.lowest:
            slot = (entry.asked.scope, lowest)
            if self._slots.get(slot) == number:
                del self._slots[slot]
