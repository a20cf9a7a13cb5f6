"""Spans as trees have them, made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from observability_integration.terminal.tree_span import TreeSpan

if TYPE_CHECKING:
    from collections.abc import Mapping

CHAT: dict[str, Any] = {"gen_ai.operation.name": "chat"}


def span(
    number: int, parent: int = 0, name: str = "step", *, failed: bool = False, **attributes: Any
) -> TreeSpan:
    told = attributes.pop("attributes", {}) | attributes
    return TreeSpan(name, number, parent, number, number + 1_000_000, failed, told)


def llm(number: int, parent: int = 0, cost: float | None = None, **more: Any) -> TreeSpan:
    told = CHAT | {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5} | more
    if cost is not None:
        told["gen_ai.usage.cost.amount"] = cost
    return span(number, parent, "chat m", attributes=told)


def placed(
    number: int, path: str, name: str = "a", told: Mapping[str, Any] | None = None
) -> TreeSpan:
    """A primitive's span below that of number 1, which stands at 0."""
    own = {"tta.primitive.path": path, "tta.primitive.name": name, **(told or {})}
    return span(number, 0 if number == 1 else 1, name, attributes=own)


def paid(
    number: int, path: str, name: str = "a", told: Mapping[str, Any] | None = None
) -> TreeSpan:
    cost = {"gen_ai.usage.cost.amount": 2.0**-number}  # so that each sum says which
    return placed(number, path, name, CHAT | cost | dict(told or {}))
