"""Calls that failed and were paid all the same, and how often they were tried again."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.written.figures import of_all, plural

from .advice import Lever, LeverName, Unjudged
from .largest_parts import LargestParts
from .place_names import NO_PLACE

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .lever_search import Spending

    CacheKey = tuple[str, str, bytes]

_REMEMBERED: Final = 10_000
RETRY_SECONDS: Final = 60.0


class WastedCalls:
    """Add up what failed calls cost, and see which were repeated right after.

    A repeat after a failure is a request with the same tenant, model and key at most 60 seconds
    later. Only failed calls are waste: where the repeat answers, that one would have been paid
    anyway.
    """

    name: LeverName = "wasted retries"

    def __init__(self) -> None:
        self._failed = self._untold = self._repeats = self._in_vain = 0
        self._keyed_failures = 0
        self._wasted = 0.0
        self._failures: OrderedDict[CacheKey, float] = OrderedDict()
        self._parts: LargestParts[tuple[str, str]] = LargestParts()

    def add(self, request: TrafficRequest, dollars: float) -> None:
        """See the next request."""
        failed = request.error is not None
        if request.key is not None and (failed or self._failures):
            self._see_repeat((request.tenant, request.model, request.key), request.ts, failed)
        if not failed:
            return
        self._failed += 1
        self._wasted += dollars
        if not (request.usage.input or request.usage.output):
            self._untold += 1
        elif dollars:
            place = request.place or NO_PLACE
            self._parts.add((place, request.model), dollars, f"{place}, {request.model}")

    def result(self, spending: Spending) -> Lever | Unjudged:
        """Return what failed calls cost, which is the most that fewer of them save."""
        if self._failed and self._failed == self._untold:
            reason = (
                f"{plural(self._failed, 'call')} failed and none has recorded tokens, so that "
                "nobody can tell what they cost"
            )
            return Unjudged(self.name, reason)
        evidence = [f"{of_all(self._failed, spending.requests)} calls failed"]
        if self._repeats:
            evidence.append(
                f"{plural(self._repeats, 'call')} asked the same within {RETRY_SECONDS:g} s of a "
                f"failure; {self._in_vain:,} of them failed as well"
            )
        if self._keyed_failures < self._failed:
            without = self._failed - self._keyed_failures
            evidence.append(f"{plural(without, 'failed call')} without a key: repeats are not seen")
        if self._untold:
            evidence.append(
                f"{plural(self._untold, 'failed call')} without tokens: what they cost is not known"
            )
        return Lever(
            name=self.name,
            dollars=self._wasted,
            share=spending.share(self._wasted),
            confidence="upper bound",
            evidence=tuple(evidence),
            largest=self._parts.largest(),
            assumption="no call fails any more; a retry budget takes only the repeats in vain",
            code=(
                "from tta_dev_primitives import RetryBudget, RetryPrimitive, RetryStrategy\n"
                "ask = RetryPrimitive(ask, RetryStrategy(max_retries=2), "
                "budget=RetryBudget(ratio=0.1))"
            ),
        )

    def _see_repeat(self, key: CacheKey, ts: float, failed: bool) -> None:  # noqa: FBT001
        failure = self._failures.pop(key, None)
        if failure is not None and ts - failure <= RETRY_SECONDS:
            self._repeats += 1
            self._in_vain += failed
        if failed:
            self._keyed_failures += 1
            self._failures[key] = ts
            if len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)
