"""Places where a cheaper model answers as well, by the scores of both on the same requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tta_dev_primitives.devtools.written.figures import of_all, plural, share

from .advice import Lever, LeverName, Part, Unjudged
from .largest_parts import SHOWN
from .paired_scores import FEWEST_SCORED, PairedScores
from .place_names import BoundedNames
from .shown_text import shown
from .snippets import adapter_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tta_dev_primitives.devtools.replay.pricing import Prices
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .lever_search import Spending

_MOST_SWITCHES: Final = 20_000


class _Switch(NamedTuple):
    """From one model to another, at a place."""

    place: str
    model: str
    other: str


class CheaperModels:
    """Compare models by place, on requests that have scores of both.

    A place counts where the other model is cheaper there, and where at 95 % confidence its mean
    score is at least *quality* of that of the model asked. At least 30 requests have to have both
    scores, and about twice as many where 95 % is to be kept and not one answer is worse.

    Args:
        prices: What the other model would cost.
        quality: Share of the mean score to be kept, such as 0.95.
    """

    name: LeverName = "cheaper model"

    def __init__(self, prices: Prices, quality: float) -> None:
        self._prices, self._quality = prices, quality
        self._places = BoundedNames()
        self._pairs: dict[_Switch, PairedScores] = {}
        self._scored = self._left_out = 0
        self._unpriced: set[str] = set()

    def add(self, request: TrafficRequest, dollars: float) -> None:
        """See the next request."""
        if len(request.answers) < 2 or request.error is not None:
            return
        own = request.score_of(request.model)
        if own is None:
            return
        place = self._places.of(request.place)
        compared = False
        for model, answer in request.answers.items():
            if model == request.model or answer.score is None:
                continue
            cost = self._cost(request, model)
            if cost is None:
                if len(self._unpriced) < _MOST_SWITCHES:
                    self._unpriced.add(model)
                continue
            pair = self._pair(_Switch(place, request.model, model))
            if pair is None:
                self._left_out += 1
                continue
            compared = True
            pair.add(own, answer.score, self._quality)
            pair.own_dollars += dollars
            pair.other_dollars += cost
            pair.assumed_tokens += answer.usage is None
        self._scored += compared

    def result(self, spending: Spending) -> Lever | Unjudged:
        """Return what the cheapest model that keeps the quality would save, place by place."""
        if not self._scored:
            return Unjudged(self.name, self._why_not())
        chosen = sorted(self._chosen(), key=lambda switch: (-self._pairs[switch].saved, switch))
        saved = sum(self._pairs[switch].saved for switch in chosen)
        evidence = [
            (
                f"{of_all(self._scored, spending.requests)} have scores of the model asked and of "
                "another one; only these are counted"
            ),
            *self._compared(chosen),
            *self._limits(),
        ]
        assumed = any(self._pairs[switch].assumed_tokens for switch in chosen)
        return Lever(
            name=self.name,
            dollars=saved,
            share=spending.share(saved),
            confidence="estimate" if assumed else "measured",
            evidence=tuple(evidence),
            largest=tuple(self._part(switch) for switch in chosen[:SHOWN]),
            assumption="the scores tell what is good enough"
            + ("; the other model takes the tokens of the one that was asked" if assumed else ""),
            code=adapter_line(chosen[0].other if chosen else "small-model"),
        )

    def _cost(self, request: TrafficRequest, model: str) -> float | None:
        usage, provider = request.usage_of(model), request.provider
        cost = self._prices.cost(model, provider, usage, request.ts)
        if cost is None and provider is not None:  # somebody else may serve the other model
            cost = self._prices.cost(model, None, usage, request.ts)
        return cost

    def _pair(self, switch: _Switch) -> PairedScores | None:
        if switch not in self._pairs:
            if len(self._pairs) >= _MOST_SWITCHES:
                return None
            self._pairs[switch] = PairedScores()
        return self._pairs[switch]

    def _chosen(self) -> Iterable[_Switch]:
        best: dict[tuple[str, str], _Switch] = {}
        for switch, pair in self._pairs.items():
            if pair.saved > 0 and pair.keeps(self._quality):
                rival = best.get(switch[:2])
                if rival is None or pair.saved > self._pairs[rival].saved:
                    best[switch[:2]] = switch
        return best.values()

    def _compared(self, chosen: list[_Switch]) -> list[str]:
        if chosen:
            lines = [self._line(switch) for switch in chosen[:SHOWN]]
            if len(chosen) > SHOWN:
                lines.append(f"and {plural(len(chosen) - SHOWN, 'more place')}")
            compared = sum(pair.requests >= FEWEST_SCORED for pair in self._pairs.values())
            lines.append(
                f"{len(chosen):,} of {plural(compared, 'comparison')} with {FEWEST_SCORED} "
                "requests or more are advised; of those just at the limit 1 in 40 is there by "
                "luck, and more where the same is asked again and again"
            )
            return lines
        cheaper = [switch for switch, pair in self._pairs.items() if pair.saved > 0]
        if not cheaper:
            return ["no other model with scores is cheaper"]
        closest = max(cheaper, key=lambda switch: (self._pairs[switch].as_good_at_least, switch))
        return [
            (
                f"no cheaper model keeps {share(self._quality)} of the score at its lower bound, "
                f"with {FEWEST_SCORED} requests or more; the closest:"
            ),
            self._line(closest),
        ]

    def _line(self, switch: _Switch) -> str:
        pair = self._pairs[switch]
        return (
            f"{shown(switch.place)}: {shown(switch.other)} is as good as {shown(switch.model)} in "
            f"{of_all(pair.as_good, pair.requests)}, at least {share(pair.as_good_at_least)} at "
            "95% confidence"
        )

    def _limits(self) -> list[str]:
        lines: list[str] = []
        if self._unpriced:
            names = ", ".join(shown(name) for name in sorted(self._unpriced)[:SHOWN])
            lines.append(
                f"{plural(len(self._unpriced), 'model')} without a price left out: {names}"
            )
        if self._left_out:
            lines.append(
                f"{plural(self._left_out, 'comparison')} left out: more than {_MOST_SWITCHES:,} "
                "pairs of models by place"
            )
        return lines

    def _part(self, switch: _Switch) -> Part:
        pair = self._pairs[switch]
        name = shown(f"{switch.place}, {switch.other} for {switch.model}")
        return Part(name, pair.requests, pair.saved)

    def _why_not(self) -> str:
        if self._unpriced:
            return "; ".join(self._limits())
        return (
            "no answered request has scores of the model asked and of another one; record them as "
            '{"scores": {"model-a": 1, "model-b": 0}}'
        )
