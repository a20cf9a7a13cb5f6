"""What a request costs with a model, with the models kept in mind that have no price."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.traffic.request import TokenUsage

from .errors import ReplayError, UnpricedModelsError

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .pricing import Prices

_SAMPLE_USAGE: Final = TokenUsage(input=1_000, output=1_000, cached=100)


class PriceBook:
    """Prices requests at the time they were sent.

    A model without a price costs 0 until `check` is called, so that one error can name them all.

    Args:
        prices: What tokens cost.
    """

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self.unpriced: Counter[str] = Counter()
        self.assumed_usage = 0
        self._assumed_last = ""
        self._asked: dict[tuple[str, str | None], None] = {}

    def price(self, request: TrafficRequest, model: str) -> float:
        """Return US dollars of *request* with *model*.

        A model other than the recorded one is looked for at the recorded provider first, then by
        its name alone.
        """
        usage = request.usage_of(model)
        provider = request.provider
        cost = self._prices.cost(model, provider, usage, request.ts)
        if cost is None and provider is not None and model != request.model:
            provider = None
            cost = self._prices.cost(model, None, usage, request.ts)
        if cost is None:
            self.unpriced[model] += 1
            return 0.0
        if not 0 <= cost < math.inf:
            msg = (
                f"{self._prices.source} says {cost!r} dollars for request {request.id!r} with "
                f"{model!r}; a price is a number from 0 up, mend the list"
            )
            raise ReplayError(msg)
        if model != request.model:
            answer = request.answers.get(model)
            if answer is None or answer.usage is None:
                self._assume(request.id)
        self._asked[model, provider] = None
        return cost

    def _assume(self, request: str) -> None:
        if request != self._assumed_last:  # several models, or ways, of one request count once
            self._assumed_last = request
            self.assumed_usage += 1

    def check(self) -> None:
        """Raise an error that lists the models without a price.

        Raises:
            UnpricedModelsError: There are some.
        """
        if self.unpriced:
            raise UnpricedModelsError(self.unpriced, self._prices.source)

    def changed_between(self, began: float, ended: float) -> list[str]:
        """Return the models whose tokens cost something else at the end, by name.

        Args:
            began: A time, in seconds since 1970.
            ended: A later one.
        """
        return sorted(
            {
                model
                for model, provider in self._asked
                if self._prices.cost(model, provider, _SAMPLE_USAGE, began)
                != self._prices.cost(model, provider, _SAMPLE_USAGE, ended)
            }
        )
