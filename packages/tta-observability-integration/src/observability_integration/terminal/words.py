"""The attributes of a span that are worth a reader's time, in few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from observability_integration.semconv import names as semconv

from .text import printable
from .totals import is_unpriced
from .units import dollars, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tree_span import TreeSpan

_LONGEST: Final = 60
Tell: TypeAlias = "Callable[[TreeSpan, object], str | None]"


def words(span: TreeSpan, alternative: TreeSpan | None = None) -> list[str]:
    """Return what *span* decided, used and cost, as `key=value`, most telling first.

    Args:
        span: Whose words they are.
        alternative: The span of the alternative that it took, where that is known.
    """
    told: list[str] = []
    for key, (label, tell) in _WORDS.items():
        value = span.attributes.get(key)
        if value is None:
            continue
        if key == semconv.TTA_FALLBACK_USED and alternative is not None:
            value = _called(alternative, value)
        text = tell(span, value)
        if text is not None:
            told.append(f"{label}={text}" if label else text)
    if (
        span.asks_a_model
        and is_unpriced(span)
        and semconv.GEN_AI_USAGE_COST_AMOUNT not in span.attributes
    ):
        told.append("unpriced")
    error = span.attributes.get(semconv.ERROR_TYPE)
    if error is not None:
        told.append(f"error={_text(error)}")
    return told


def _called(alternative: TreeSpan, label: object) -> object:
    """Return the label of a step; of one without a name, what its span is called in the tree."""
    kind = alternative.attributes.get(semconv.TTA_PRIMITIVE_TYPE)
    return alternative.name if kind in (label, f"{label}Primitive") else label


def _text(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        text = "+".join(map(str, cast("Sequence[object]", value)))
    else:
        text = str(value)
    text = printable(text)
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
    return f'"{text}"' if " " in text else text


def _plain(_span: TreeSpan, value: object) -> str:
    return _text(value)


def _seconds(_span: TreeSpan, value: object) -> str | None:
    return seconds(value) if isinstance(value, int | float) else _text(value)


def _wait(span: TreeSpan, value: object) -> str | None:
    return _seconds(span, value) if value else None


def _dollars(_span: TreeSpan, value: object) -> str | None:
    return dollars(value) if isinstance(value, int | float) else _text(value)


def _cost(span: TreeSpan, value: object) -> str:
    currency = span.attributes.get(semconv.GEN_AI_USAGE_COST_CURRENCY, "USD")
    if isinstance(value, int | float) and currency == "USD":
        return dollars(value)
    return f"{_text(value)}{_text(currency)}"


def _some(_span: TreeSpan, value: object) -> str | None:
    return _text(value) if value else None


def _flag(word: str) -> Tell:
    return lambda _span, value: word if value is True else None


def _attempts(span: TreeSpan, value: object) -> str:
    most = span.attributes.get(semconv.TTA_RETRY_MAX_ATTEMPTS)
    return _text(value) if most is None else f"{_text(value)}/{_text(most)}"


def _reason(_span: TreeSpan, value: object) -> str | None:
    return None if value in ("router_fn", "") else _text(value)


def _left(span: TreeSpan, value: object) -> str | None:
    if span.attributes.get(semconv.TTA_BUDGET_UNIT) == "usd":
        return _dollars(span, value)
    return f"{value:g}" if isinstance(value, int | float) else _text(value)


_WORDS: Final[dict[str, tuple[str, Tell]]] = {
    semconv.TTA_CACHE_RESULT: ("cache", _plain),
    semconv.TTA_CACHE_AGE: ("age", _seconds),
    semconv.TTA_ROUTE_SELECTED: ("route", _plain),
    semconv.TTA_ROUTE_REASON: ("why", _reason),
    semconv.TTA_BRANCH_TAKEN: ("branch", _plain),
    semconv.TTA_RETRY_ATTEMPT: ("attempt", _plain),
    semconv.TTA_RETRY_DELAY_BEFORE: ("after", _wait),
    semconv.TTA_RETRY_ATTEMPTS: ("attempts", _attempts),
    semconv.TTA_RETRY_DELAY_TOTAL: ("waited", _wait),
    semconv.TTA_RETRY_EXHAUSTED: ("", _flag("exhausted")),
    semconv.TTA_TIMEOUT_LIMIT: ("limit", _seconds),
    semconv.TTA_FALLBACK_USED: ("fallback", _plain),
    semconv.TTA_FALLBACK_REASON: ("why", _plain),
    semconv.TTA_BREAKER_STATE: ("breaker", _plain),
    semconv.TTA_RATELIMIT_WAIT: ("wait", _wait),
    semconv.TTA_HEDGE_LAUNCHED: ("launched", _plain),
    semconv.TTA_HEDGE_WINNER: ("winner", _plain),
    semconv.TTA_BUDGET_REMAINING: ("left", _left),
    semconv.TTA_SAGA_COMPENSATED: ("undone", _some),
    semconv.TTA_SAGA_COMPENSATION_RESULT: ("undo", _plain),
    semconv.TTA_BATCH_SIZE: ("batch", _plain),
    semconv.TTA_LOOP_ITERATIONS: ("turns", _plain),
    semconv.TTA_LOOP_EXHAUSTED: ("", _flag("exhausted")),
    semconv.TTA_FAULT_INJECTED: ("fault", _plain),
    semconv.GEN_AI_USAGE_INPUT_TOKENS: ("in", _plain),
    semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: ("cached", _some),
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS: ("out", _plain),
    semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: ("reasoning", _some),
    semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: ("first", _seconds),
    semconv.GEN_AI_USAGE_COST_AMOUNT: ("cost", _cost),
    semconv.TTA_HEDGE_WASTED_COST: ("wasted", _dollars),
    semconv.TTA_CACHE_SAVED_COST: ("saved", _dollars),
}
