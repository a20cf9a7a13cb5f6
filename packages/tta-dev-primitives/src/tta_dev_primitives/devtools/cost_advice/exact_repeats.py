"""Requests that were answered before: what an exact cache would save."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.replay.cached_answers import DEFAULT_MAX_ENTRIES, CachedAnswers
from tta_dev_primitives.devtools.written.figures import of_all

from .advice import Lever, LeverName, Unjudged
from .figures import plain
from .largest_parts import LargestParts
from .shown_text import shown_end

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .lever_search import Spending


class ExactRepeats:
    """Play a cache of exact answers: by tenant, model and key, the first one is paid.

    It is the cache that a replay has: failed answers are not kept, and an entry is gone at exactly
    its ttl.

    Args:
        ttl_seconds: How long an answer is kept.
        max_entries: How many are kept.
    """

    name: LeverName = "exact repeats"

    def __init__(self, ttl_seconds: float, max_entries: int) -> None:
        self._ttl, self._room = ttl_seconds, max_entries
        self._answers: CachedAnswers[bool] = CachedAnswers(max_entries, ttl_seconds)
        self._keyed = self._repeats = 0
        self._saved = 0.0
        self._parts: LargestParts[tuple[str, str, bytes]] = LargestParts(show=shown_end)

    def add(self, request: TrafficRequest, dollars: float) -> None:
        """See the next request."""
        if request.key is None:
            return
        self._keyed += 1
        key = (request.tenant, request.model, request.key)
        if self._answers.find(key, request.ts):
            self._repeats += 1
            self._saved += dollars
            self._parts.add(key, dollars, request.text or f"key {request.key.hex()[:12]}")
        elif request.error is None:
            self._answers.keep(key, True, request.ts)  # noqa: FBT003 - a value, no switch

    def result(self, spending: Spending) -> Lever | Unjudged:
        """Return what the repeats cost, which is what the cache saves."""
        if not self._keyed:
            reason = (
                "no request has a key, so that no repeat can be told; record messages or "
                "prompt_hash, and params"
            )
            return Unjudged(self.name, reason)
        evidence = [
            (
                f"{of_all(self._repeats, self._keyed)} with a key ask again what was answered "
                f"within {plain(self._ttl)} s, with {self._room:,} entries"
            )
        ]
        if self._keyed < spending.requests:
            unkeyed = spending.requests - self._keyed
            evidence.append(
                f"{of_all(unkeyed, spending.requests)} have no key and count as no repeats"
            )
        if not self._parts.complete:
            evidence.append("too many texts to count each: those shown have at least these figures")
        return Lever(
            name=self.name,
            dollars=self._saved,
            share=spending.share(self._saved),
            confidence="measured",
            evidence=tuple(evidence),
            largest=self._parts.largest(),
            assumption="the answer given before is good enough for the same request",
            code=(
                "from tta_dev_primitives import CachePrimitive\n"
                f"ask = CachePrimitive(ask, ttl_seconds={plain(self._ttl)}{self._entries()})"
            ),
        )

    def _entries(self) -> str:
        return "" if self._room == DEFAULT_MAX_ENTRIES else f", max_entries={self._room}"
