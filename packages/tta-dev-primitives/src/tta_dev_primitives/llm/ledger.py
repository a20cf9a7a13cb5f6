"""Counts of what a workflow asked for, what went out, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.core.routing import RouterPrimitive
from tta_dev_primitives.recovery.fallback import FallbackPrimitive

if TYPE_CHECKING:
    from tta_dev_primitives.core.base import WorkflowPrimitive
    from tta_dev_primitives.core.context import WorkflowContext

_WRAPPERS = (PolicyPrimitive, RouterPrimitive, FallbackPrimitive)


@dataclass(slots=True)
class Ledger(observe.ObservabilityPrimitive):
    """Count model calls, tokens and money while it is installed with `observe(ledger)`.

    Attributes:
        llm_calls: Model calls the workflow asked for, however they were answered.
        upstream_calls: Requests that went out, retries and failed ones included.
        cache_hits: Calls answered from a cache, or by joining one under way.
        retries: Further attempts after a failure.
        fallbacks: Times an alternative ran.
        timeouts: Limits that passed.
        input_tokens: Tokens that went in, as the providers counted them.
        output_tokens: Tokens that came out.
        cost: US dollars paid for answers with a known price.
        unpriced: Answers whose price is not known; they are not in `cost`.
        saved: US dollars that the answers from caches had cost when they were bought.
    """

    llm_calls: int = 0
    upstream_calls: int = 0
    cache_hits: int = 0
    retries: int = 0
    fallbacks: int = 0
    timeouts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    saved: float = 0.0
    _answers_by_path: dict[str, bool] | None = None

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: every kind
        path: str,
        context: WorkflowContext,
    ) -> None:
        """Count a request, or the outermost wrapper of one."""
        if primitive.upstream:
            self.upstream_calls += 1
        known = self._answers_by_path
        if known is None:
            known = self._answers_by_path = {}
        answers = known.get(path)
        if answers is None:
            answers = known[path] = asks_a_model(primitive)
        if answers and not known.get(path.rpartition("/")[0], False):
            self.llm_calls += 1

    def event(self, token: object, record: object) -> None:
        """Count what *record* tells."""
        match record:
            case observe.LLMRecord():
                self.input_tokens += record.input_tokens
                self.output_tokens += record.output_tokens
                if record.cost is None:
                    self.unpriced += 1
                else:
                    self.cost += record.cost
            case observe.CacheRecord(result="hit" | "stale" | "coalesced"):
                self.cache_hits += 1
                self.saved += record.saved_cost or 0.0
            case observe.RetryScheduledRecord():
                self.retries += 1
            case observe.FallbackRecord():
                self.fallbacks += 1
            case observe.TimeoutRecord():
                self.timeouts += 1
            case _:
                pass


def asks_a_model(primitive: WorkflowPrimitive[Any, Any]) -> bool:
    """Tell whether *primitive* is a model, or nothing but wrappers around models."""
    if primitive.upstream:
        return True
    inside = [child for _, child in primitive.children()]
    return isinstance(primitive, _WRAPPERS) and bool(inside) and all(map(asks_a_model, inside))
