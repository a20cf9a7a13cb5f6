"""Prompts that begin alike: what the provider's prompt cache would save."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from dataclasses import replace
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.written.figures import of_all, plural

from .advice import Lever, LeverName, Unjudged
from .figures import plain
from .largest_parts import LargestParts
from .place_names import NO_PLACE
from .snippets import is_anthropic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.devtools.replay.pricing import Prices
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .lever_search import Spending

_BLOCK: Final = 512
_EVEN_BLOCKS: Final = 32
_LONGEST: Final = 4_000_000
_MOST_PREFIXES: Final = 200_000
_NEVER: Final = (float("-inf"), False)

_ANTHROPIC: Final = (
    "from tta_dev_primitives import LLMRequest\n"
    'known = {"type": "text", "text": instructions, "cache_control": {"type": "ephemeral"}}\n'
    'request = LLMRequest(messages=({"role": "system", "content": [known]}, question))'
)
_OTHERS: Final = (
    "from tta_dev_primitives import LLMRequest\n"
    'messages = ({"role": "system", "content": instructions}, question)\n'
    'request = LLMRequest(messages=messages, extra={"prompt_cache_key": "instructions"})'
)


def _boundaries() -> tuple[int, ...]:
    """Return where prefixes may end, in characters: even blocks, then an eighth more each time."""
    ends = [_BLOCK * number for number in range(1, _EVEN_BLOCKS + 1)]
    while ends[-1] < _LONGEST:
        ends.append(ends[-1] + ends[-1] // 8)
    return tuple(ends)


_ENDS: Final = _boundaries()


class SharedPrefixes:
    """Play a prompt cache: a prefix is read again while it was used within *life_seconds*.

    Prefixes are looked for at the ends of blocks of 512 characters, larger ones in long texts, so
    that somewhat less is found than is there. The tokens of a prefix are reckoned by its part of
    the text. Where the provider charges for writing, that is taken off once for each life of a
    prefix. What the provider read from its cache already is not counted again.

    Args:
        prices: What tokens cost, those that were read from the cache and written to it as well.
        life_seconds: How long a prefix is kept after its last use.
        minimum_tokens: Shorter prefixes are not kept.
    """

    name: LeverName = "prompt caching"

    def __init__(self, prices: Prices, life_seconds: float, minimum_tokens: int) -> None:
        self._prices, self._life, self._minimum = prices, life_seconds, minimum_tokens
        self._prefixes: OrderedDict[bytes, tuple[float, bool]] = OrderedDict()
        self._with_text = self._long = self._shared = self._read_already = 0
        self._tokens = self._input = 0
        self._saved = self._saved_at_anthropic = 0.0
        self._parts: LargestParts[tuple[str, str]] = LargestParts()

    def add(self, request: TrafficRequest, dollars: float) -> None:
        """See the next request."""
        usage = request.usage
        self._input += usage.input
        self._read_already += usage.cached
        if not request.text:
            return
        self._with_text += 1
        if usage.input < self._minimum or request.error is not None:
            return
        self._long += 1
        length = len(request.text)
        first = bisect_left(_ENDS, self._minimum * length / usage.input)
        ends = _ENDS[first : bisect_left(_ENDS, length + 1)]
        if not ends:
            return
        digests = _digests(request, ends)
        read, written = self._known(digests, request.ts)
        if read >= 0:
            per_character = usage.input / length
            tokens = [int(end * per_character) for end in ends]
            new = tokens[read] - (tokens[written] if written >= 0 else 0)
            self._count(request, dollars, tokens[read], new)
        self._remember(digests, request.ts, read)

    def result(self, spending: Spending) -> Lever | Unjudged:
        """Return what reading shared prefixes from the provider's cache would save."""
        if not self._with_text:
            reason = "no request has its text recorded, so that prompts cannot be compared"
            return Unjudged(self.name, reason)
        if not self._long:
            reason = (
                f"no answered prompt with a text has {plural(self._minimum, 'token')}, below which "
                "providers keep none"
            )
            return Unjudged(self.name, reason)
        saved = max(0.0, self._saved)
        evidence = [
            (
                f"{of_all(self._shared, self._long)} prompts of {plural(self._minimum, 'token')} "
                f"or more begin as another one did within {plain(self._life)} s, and were not read "
                "from the provider's cache that far"
            ),
            (
                f"{of_all(self._tokens, self._input)} input tokens could be read from it; "
                f"{self._read_already:,} were already"
            ),
        ]
        if self._with_text < spending.requests:
            without = spending.requests - self._with_text
            evidence.append(f"{of_all(without, spending.requests)} have no text recorded")
        return Lever(
            name=self.name,
            dollars=saved,
            share=spending.share(saved),
            confidence="estimate",
            evidence=tuple(evidence),
            largest=self._parts.largest(),
            assumption="the provider finds each prefix again while it lives, and a prefix has as "
            "many of the tokens as of the characters",
            code=_ANTHROPIC if self._saved_at_anthropic * 2 > self._saved else _OTHERS,
        )

    def _known(self, digests: Sequence[bytes], ts: float) -> tuple[int, int]:
        """Return the longest prefix that is kept, and the longest that was paid for; -1 if none."""
        read = written = -1
        for index, digest in enumerate(digests):
            last, was_written = self._prefixes.get(digest, _NEVER)
            if ts - last > self._life:
                break  # what a shorter prefix does not share a longer one cannot
            read = index
            if was_written:
                written = index
        return read, written

    def _count(self, request: TrafficRequest, dollars: float, tokens: int, new: int) -> None:
        usage = request.usage
        most = usage.input - usage.cached - usage.cache_written
        extra = min(tokens - usage.cached, most)
        if extra <= 0:
            return
        model, provider, ts = request.model, request.provider, request.ts
        read = replace(usage, cached=usage.cached + extra)
        cheaper = self._prices.cost(model, provider, read, ts)
        wrote = replace(usage, cache_written=usage.cache_written + min(new, extra))
        dearer = self._prices.cost(model, provider, wrote, ts) if new > 0 else dollars
        if cheaper is None or dearer is None:
            return
        saved = dollars - cheaper - max(0.0, dearer - dollars)
        self._shared += 1
        self._tokens += extra
        self._saved += saved
        if is_anthropic(model, provider):
            self._saved_at_anthropic += saved
        place = request.place or NO_PLACE
        self._parts.add((place, model), saved, f"{place}, {model}")

    def _remember(self, digests: Sequence[bytes], ts: float, read: int) -> None:
        prefixes = self._prefixes
        for index, digest in enumerate(digests):
            prefixes[digest] = (ts, index <= read)
            prefixes.move_to_end(digest)
        while len(prefixes) > _MOST_PREFIXES:
            prefixes.popitem(last=False)


def _digests(request: TrafficRequest, ends: Sequence[int]) -> list[bytes]:
    """Return a digest of the text up to each of *ends*, by model and provider."""
    hashing = blake2b(f"{request.model}\0{request.provider}\0".encode(), digest_size=12)
    digests: list[bytes] = []
    for start, end in pairwise((0, *ends)):
        hashing.update(request.text[start:end].encode(errors="replace"))
        digests.append(hashing.digest())
    return digests
