"""A small valid document for a JSON schema, as a model with structured output would give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from tta_dev_primitives.testing.llm_server.draws import Draws

# Any, everywhere below: schemas and the documents they describe are arbitrary JSON.

_DEEPEST = 16
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "3f2b8c1e-5d4a-4b6f-9a7c-0e1d2c3b4a59",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}


def example_of(schema: Mapping[str, Any], draws: Draws, text: str) -> Any:
    """Make a document that matches *schema*.

    Knows types, enum, const, properties, items, anyOf, oneOf, allOf, local `$ref`, and the
    bounds of numbers, lengths and counts. A `pattern` is not followed. A schema that can only
    end in itself is cut off sixteen levels down.

    Args:
        schema: A JSON schema, as in `response_format` or a tool's parameters.
        draws: Where numbers and choices come from.
        text: What free strings hold, cut or padded to their length bounds.
    """
    return _Example(schema, draws, text).of(schema, "$", 0)


class _Example:
    def __init__(self, root: Mapping[str, Any], draws: Draws, text: str) -> None:
        self._root, self._draws, self._text = root, draws, text

    def of(self, schema: Any, path: str, depth: int) -> Any:
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return None
        schema = self._merged(cast("Mapping[str, Any]", schema))
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._pick(schema["enum"], path)
        for word in ("anyOf", "oneOf"):
            if schema.get(word):
                # The shallowest branch ends recursive schemas; plain values come before objects.
                branches = cast("Sequence[Any]", schema[word])
                return self.of(branches[-1 if depth > _DEEPEST // 2 else 0], path, depth + 1)
        kind: Any = schema.get("type") or ("object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = cast("list[Any]", kind)[0]
        match kind:
            case "object":
                properties = cast("Mapping[str, Any]", schema.get("properties") or {})
                required = cast("Sequence[str]", schema.get("required") or ())
                return {
                    name: self.of(part, f"{path}.{name}", depth + 1)
                    for name, part in properties.items()
                    if name in required or depth < _DEEPEST // 4
                }
            case "array":
                count = int(schema.get("minItems", min(1, schema.get("maxItems", 1))))
                if depth > _DEEPEST // 2:
                    count = int(schema.get("minItems", 0))
                items = schema.get("items", {})
                return [self.of(items, f"{path}[{at}]", depth + 1) for at in range(count)]
            case "integer" | "number":
                return self._number(schema, path, whole=kind == "integer")
            case "boolean":
                return self._draws.fraction(path) < 0.5
            case "null":
                return None
            case _:
                return self._string(schema)

    def _merged(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        hops = 0
        while "$ref" in schema and hops < _DEEPEST:
            target: Any = self._root
            for part in str(schema["$ref"]).lstrip("#/").split("/"):
                target = target.get(part, {}) if part else target
            schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
            hops += 1
        merged = dict(schema)
        for part in schema.get("allOf", ()):
            for key, value in self._merged(part).items():
                if key == "properties":
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required":
                    merged[key] = [*merged.get(key, ()), *value]
                else:
                    merged.setdefault(key, value)
        return merged

    def _pick(self, choices: Sequence[Any], path: str) -> Any:
        return choices[int(self._draws.fraction(path) * len(choices))]

    def _number(self, schema: Mapping[str, Any], path: str, *, whole: bool) -> float:
        step = schema.get("multipleOf", 1 if whole else 0.5)
        low: Any = schema.get("minimum", schema.get("exclusiveMinimum"))
        high: Any = schema.get("maximum", schema.get("exclusiveMaximum"))
        if low is None:
            low = 0 if high is None or high >= 0 else high - 100 * step
        if high is None:
            high = low + 100 * step
        first, last = math.ceil(low / step), math.floor(high / step)
        first += first * step == schema.get("exclusiveMinimum")
        last -= last * step == schema.get("exclusiveMaximum")
        if first > last:
            return (low + high) / 2
        value = (first + int(self._draws.fraction(path) * (last - first + 1))) * step
        return int(value) if whole else value

    def _string(self, schema: Mapping[str, Any]) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        shortest = int(schema.get("minLength", 0))
        text = self._text[: schema.get("maxLength")]
        return text + "x" * (shortest - len(text))
