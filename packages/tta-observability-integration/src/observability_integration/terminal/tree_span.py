"""The part of a span that a tree shows, wherever the span comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from observability_integration.semconv import names as semconv

if TYPE_CHECKING:
    from collections.abc import Mapping

INFERENCE: Final = frozenset({"chat", "embeddings", "generate_content", "text_completion"})


@dataclass(frozen=True, slots=True)
class TreeSpan:
    """One span of a tree.

    Attributes:
        name: What it is called.
        span_id: Its own identity.
        parent_id: That of the span above; 0 where there is none.
        start_ns: When it began, in unix nanoseconds.
        end_ns: When it ended.
        failed: Whether its status is an error.
        attributes: Those of the span.
    """

    name: str
    span_id: int
    parent_id: int
    start_ns: int
    end_ns: int
    failed: bool = False
    attributes: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def outcome(self) -> str:
        """How it ended: the word of a primitive, else as its status says."""
        outcome = self.attributes.get(semconv.TTA_OUTCOME)
        return str(outcome) if outcome is not None else "error" if self.failed else "ok"

    @property
    def asks_a_model(self) -> bool:
        """Whether it is a request to a model."""
        return self.attributes.get(semconv.GEN_AI_OPERATION_NAME) in INFERENCE

    def number(self, key: str) -> float | None:
        """Return the attribute *key* where it is a number."""
        value = self.attributes.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        return None

    @property
    def cost(self) -> float | None:
        """US dollars that it cost; None where that is not known."""
        if self.attributes.get(semconv.GEN_AI_USAGE_COST_CURRENCY, "USD") != "USD":
            return None
        return self.number(semconv.GEN_AI_USAGE_COST_AMOUNT)
