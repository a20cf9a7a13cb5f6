"""JSON on the wire, and careful reading of JSON from strangers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn, cast

from tta_dev_primitives.testing.llm_server.problems import Problem

if TYPE_CHECKING:
    from tta_dev_primitives.testing.llm_server.values import JsonObject, Provider

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def json_bytes(document: Any) -> bytes:  # Any: whatever JSON can say
    """Encode compactly as UTF-8; lone surrogates stay escaped."""
    text = _encode(document)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":")).encode()


def sse(document: Any, event: str | None = None) -> bytes:  # Any: whatever JSON can say
    """Frame one server-sent event."""
    head = f"event: {event}\n".encode() if event else b""
    return b"%bdata: %b\n\n" % (head, json_bytes(document))


def objects(value: Any) -> list[JsonObject]:  # Any: JSON from a stranger
    """List the objects in *value*; nothing where it is not a list."""
    if not isinstance(value, list):
        return []
    found = cast("list[Any]", value)
    return [cast("JsonObject", item) for item in found if isinstance(item, dict)]


def object_in(value: Any) -> JsonObject:  # Any: JSON from a stranger
    """Take *value* as an object; an empty one where it is not."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


class BodyReader:
    """Take typed fields out of a request body, or raise the provider's own 400."""

    def __init__(self, body: JsonObject, provider: Provider) -> None:
        self._body, self._provider = body, provider

    def required(self, name: str) -> Any:  # Any: the caller checks the type it needs
        """Take a field that must be there."""
        value = self._body.get(name)
        if value is None:
            self.refuse(
                f"Missing required parameter: '{name}'.",
                f"{name}: Field required",
                name,
                "missing_required_parameter",
            )
        return value

    def text(self, name: str) -> str:
        """Take a required text."""
        value = self.required(name)
        if not isinstance(value, str) or not value:
            self.refuse_type(name, "a non-empty string", value)
        return value

    def messages(self, name: str) -> list[JsonObject]:
        """Take a required, non-empty list of objects."""
        value = self.required(name)
        found = objects(value)
        if not isinstance(value, list) or len(found) != len(cast("list[Any]", value)):
            self.refuse_type(name, "an array of objects", value)
        if not found:
            self.refuse(
                f"Invalid '{name}': empty array. Expected an array with minimum length 1, "
                "but got an empty array instead.",
                f"{name}: at least one message is required",
                name,
                "empty_array",
            )
        return found

    def count(self, *names: str) -> int | None:
        """Take the first of *names* that is there, a whole number from 1."""
        for name in names:
            value = self._body.get(name)
            if value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool):
                self.refuse_type(name, "an integer", value)
            if value < 1:
                self.refuse(
                    f"Invalid '{name}': integer below minimum value. Expected a value >= 1, "
                    f"but got {value} instead.",
                    f"{name}: Input should be greater than or equal to 1",
                    name,
                    "integer_below_min_value",
                )
            return value
        return None

    def number(self, name: str, low: float, high: float) -> float | None:
        """Take an optional number within bounds."""
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.refuse_type(name, "a decimal", value)
        if not low <= value <= high:
            side, bound, sign = (
                ("below min", low, ">=") if value < low else ("above max", high, "<=")
            )
            self.refuse(
                f"Invalid '{name}': decimal {side}imum value. Expected a value {sign} {bound:g}, "
                f"but got {value:g} instead.",
                f"{name}: range: {low:g}..{high:g}",
                name,
                f"decimal_{side.replace(' ', '_')}_value",
            )
        return float(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Take an optional text or list of texts."""
        value = self._body.get(name)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        found = cast("list[Any]", value) if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in found):
            self.refuse_type(name, "a string or an array of strings", value)
        return tuple(cast("list[str]", found))

    def refuse_type(self, name: str, wanted: str, value: Any) -> NoReturn:  # Any: the culprit
        """Raise the 400 for a field of the wrong type."""
        self.refuse(
            f"Invalid type for '{name}': expected {wanted}, but got "
            f"{type(value).__name__} instead.",
            f"{name}: Input should be {wanted}",
            name,
            "invalid_type",
        )

    def refuse(self, openai: str, anthropic: str, param: str, code: str | None) -> NoReturn:
        """Raise a 400 in the words of the provider being spoken."""
        text = anthropic if self._provider == "anthropic" else openai
        raise Problem(400, "invalid_request", text, param=param, code=code)
