"""Which attributes of a span have a column of their own, and values as SQLite can hold them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, cast

from observability_integration.semconv import names as semconv

from .schema import SPAN_COLUMNS

Cell: TypeAlias = str | int | float | None

_TEXT, _WHOLE, _NUMBER = (str,), (int,), (int, float)
# The types say which values go into the column; any other stays among the attributes.
COLUMNS: Final[dict[str, tuple[str, tuple[type, ...]]]] = {
    semconv.TTA_OUTCOME: ("outcome", _TEXT),
    semconv.ERROR_TYPE: ("error_type", _TEXT),
    semconv.TTA_PRIMITIVE_TYPE: ("primitive_type", _TEXT),
    semconv.TTA_PRIMITIVE_NAME: ("primitive_name", _TEXT),
    semconv.TTA_PRIMITIVE_PATH: ("primitive_path", _TEXT),
    semconv.GEN_AI_OPERATION_NAME: ("operation", _TEXT),
    semconv.GEN_AI_PROVIDER_NAME: ("provider", _TEXT),
    semconv.GEN_AI_REQUEST_MODEL: ("model", _TEXT),
    semconv.GEN_AI_USAGE_INPUT_TOKENS: ("input_tokens", _WHOLE),
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS: ("output_tokens", _WHOLE),
    semconv.GEN_AI_USAGE_COST_AMOUNT: ("cost_usd", _NUMBER),
    semconv.TTA_CACHE_SAVED_COST: ("saved_usd", _NUMBER),
    semconv.TTA_HEDGE_WASTED_COST: ("wasted_usd", _NUMBER),
    semconv.TTA_CACHE_RESULT: ("cache_result", _TEXT),
    semconv.TTA_RETRY_ATTEMPT: ("attempt", _WHOLE),
    semconv.TTA_RETRY_ATTEMPTS: ("attempts", _WHOLE),
}
PLACES: Final = {key: SPAN_COLUMNS.index(column) for key, (column, _) in COLUMNS.items()}
_TYPES: Final = {key: types for key, (_, types) in COLUMNS.items()}
_MOST: Final = 1 << 63
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def fits(key: str, value: object) -> bool:
    """Tell whether *value* of attribute *key* goes into its column and comes back as it was."""
    kind = type(value)
    if kind not in _TYPES[key]:
        return False
    if kind is int:
        return -_MOST <= cast("int", value) < _MOST
    return kind is not float or math.isfinite(cast("float", value))


def is_foreign_money(attributes: Mapping[str, object]) -> bool:
    """Tell whether the cost among *attributes* is in another currency than US dollars."""
    return attributes.get(semconv.GEN_AI_USAGE_COST_CURRENCY, "USD") != "USD"


def as_json(attributes: Mapping[str, object]) -> str:
    """Return *attributes* as JSON that any reader takes: numbers that JSON lacks become texts."""
    if not attributes:
        return "{}"
    try:
        return _encode(attributes)
    except ValueError:
        return _encode({key: _finite(value) for key, value in attributes.items()})


def from_json(text: str) -> dict[str, object]:
    """Return attributes as they were made JSON.

    Raises:
        ValueError: Somebody changed them, so that they are no JSON object.
    """
    value = json.loads(text)
    if not isinstance(value, dict):
        msg = "attributes are no JSON object"
        raise ValueError(msg)  # noqa: TRY004 - the file is wrong, not the call
    return cast("dict[str, object]", value)


def storable(cell: Cell) -> Cell:
    """Return *cell* as SQLite can hold it: in UTF-8, and in 64 bits."""
    if isinstance(cell, str):
        return cell.encode("utf-8", "replace").decode("utf-8")
    if isinstance(cell, int):
        return min(max(cell, -_MOST), _MOST - 1)
    return cell


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(item) for item in cast("Sequence[object]", value)]
    return value
