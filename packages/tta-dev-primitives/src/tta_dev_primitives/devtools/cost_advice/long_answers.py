"""Answers far longer than most at their place: what an output limit would save."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import floor, log10
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.written.figures import of_all, plural

from .advice import Lever, LeverName, Unjudged
from .cell_names import Cell, CellNames
from .largest_parts import LargestParts
from .snippets import adapter_line

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.replay.pricing import Prices
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .lever_search import Spending

PERCENTILE: Final = 0.95
FEWEST_ANSWERS: Final = 100
_NOBODY: Final = Cell("", "model")


@dataclass(slots=True)
class _Lengths:
    """How long answers are; lengths are rounded up to two digits, so that few are told apart."""

    answers: int = 0
    counts: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, tokens: int) -> None:
        self.answers += 1
        length = _rounded_up(tokens)
        self.counts[length] = self.counts.get(length, 0) + 1

    def limit(self) -> int:
        """Return the least length that no more than one answer in twenty exceeds."""
        allowed = self.answers * PERCENTILE
        seen = 0
        for length in sorted(self.counts):
            seen += self.counts[length]
            if seen >= allowed:
                return length
        return 0


class LongAnswers:
    """Find the 95th percentile of output tokens by place and model, then price what is above.

    The traffic is gone through twice: `add` finds the limits, `cut` what they save. A place needs
    100 answers, and a limit counts only where some answers exceed it.

    Args:
        prices: What an answer cut at the limit would cost.
    """

    name: LeverName = "shorter outputs"

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._names = CellNames()
        self._lengths: dict[Cell, _Lengths] = {}
        self._limits: dict[Cell, int] = {}
        self._answers = self._judged = self._cut = self._tokens = self._output = 0
        self._saved = 0.0
        self._parts: LargestParts[Cell] = LargestParts()

    def add(self, request: TrafficRequest, dollars: float) -> None:
        """See the next request."""
        if request.error is not None or not request.usage.output:
            return
        self._answers += 1
        self._output += request.usage.output
        cell = self._names.of(request)
        lengths = self._lengths.get(cell)
        if lengths is None:
            lengths = self._lengths[cell] = _Lengths()
        lengths.add(request.usage.output)

    def find_limits(self) -> bool:
        """Fix the limits, and tell whether any answer exceeds one."""
        for cell, lengths in self._lengths.items():
            if lengths.answers >= FEWEST_ANSWERS:
                self._judged += lengths.answers
                limit = lengths.limit()
                if any(length > limit for length in lengths.counts):
                    self._limits[cell] = limit
        return bool(self._limits)

    def cut(self, request: TrafficRequest) -> None:
        """See a request once more, after the limits are found."""
        usage = request.usage
        if request.error is not None or not usage.output:
            return
        cell = self._names.of(request)
        limit = self._limits.get(cell)
        if limit is None or usage.output <= limit:
            return
        model, provider, ts = request.model, request.provider, request.ts
        whole = self._prices.cost(model, provider, usage, ts)
        shorter = self._prices.cost(model, provider, replace(usage, output=limit), ts)
        if whole is None or shorter is None:
            return
        self._cut += 1
        self._tokens += usage.output - limit
        self._saved += whole - shorter
        self._parts.add(cell, whole - shorter, f"{cell.place}, {cell.model}: max_tokens={limit}")

    def result(self, spending: Spending) -> Lever | Unjudged:
        """Return what answers cut at the limits would save."""
        if not self._judged:
            reason = (
                f"no place and model has {FEWEST_ANSWERS} answers with output tokens, and with "
                "fewer a 95th percentile says little"
            )
            return Unjudged(self.name, reason)
        evidence = [
            (
                f"{of_all(self._cut, self._judged)} answers are longer than the 95th percentile of "
                "their place and model"
            ),
            f"{of_all(self._tokens, self._output)} output tokens are above it",
        ]
        if self._judged < self._answers:
            few = self._answers - self._judged
            evidence.append(
                f"{plural(few, 'answer')} at places with fewer than {FEWEST_ANSWERS} not judged"
            )
        heaviest = self._parts.heaviest() or _NOBODY
        return Lever(
            name=self.name,
            dollars=self._saved,
            share=spending.share(self._saved),
            confidence="estimate",
            evidence=tuple(evidence),
            largest=self._parts.largest(),
            assumption="what is beyond the limit is not needed: an answer that is cut off there "
            "may be of no use, so ask for shorter ones as well",
            code=adapter_line(heaviest.model, self._limits.get(heaviest, 1_000)),
        )


def _rounded_up(tokens: int) -> int:
    if tokens < 100:
        return tokens
    unit = 10 ** (floor(log10(tokens)) - 1)
    return -(-tokens // unit) * unit
