"""How much one span may hold, and which values attributes can have.

The limits and their variables are those of OpenTelemetry's SDK specification.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, cast

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

Attributes: TypeAlias = "dict[str, AttributeValue]"
_SCALARS: Final = frozenset({str, bool, int, float})
_logger = logging.getLogger("observability_integration")


@dataclass(frozen=True, slots=True)
class SpanLimits:
    """The most that a span keeps; what is beyond is dropped and counted.

    Attributes:
        attributes: Attributes of a span.
        events: Events; the oldest go.
        links: Links; the oldest go.
        event_attributes: Attributes of each event.
        link_attributes: Attributes of each link.
        value_length: Characters of a text; None for all.
    """

    attributes: int = 128
    events: int = 128
    links: int = 128
    event_attributes: int = 128
    link_attributes: int = 128
    value_length: int | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> SpanLimits:
        """Return the limits that the `OTEL_*` variables ask for."""
        general = _number(environ, "OTEL_ATTRIBUTE_COUNT_LIMIT", 128) or 0
        length = _number(environ, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", None)
        return cls(
            attributes=_number(environ, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", general) or 0,
            events=_number(environ, "OTEL_SPAN_EVENT_COUNT_LIMIT", 128) or 0,
            links=_number(environ, "OTEL_SPAN_LINK_COUNT_LIMIT", 128) or 0,
            event_attributes=_number(environ, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", general) or 0,
            link_attributes=_number(environ, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", general) or 0,
            value_length=_number(environ, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", length),
        )


DEFAULT_LIMITS: Final = SpanLimits()


def put(attributes: Attributes, key: str, value: object, length: int | None, most: int) -> int:
    """Set one attribute and return how many were dropped for it: none or one.

    Args:
        attributes: Where it is set.
        key: Its name.
        value: What it is to be.
        length: Most characters of a text; None for all.
        most: Most attributes there.
    """
    kept = clean(value, length)
    if kept is None or not key:
        _logger.warning(
            "an attribute was left out: %r cannot have a value of type %s",
            key,
            type(value).__name__,
        )
        return 0
    if key not in attributes and len(attributes) >= most:
        return 1
    attributes[key] = kept
    return 0


def cleaned(
    attributes: Mapping[str, object] | None, length: int | None, most: int
) -> tuple[Attributes, int]:
    """Return a copy of *attributes*, and how many were dropped; see `put`."""
    kept: Attributes = {}
    dropped = 0
    for key, value in (attributes or {}).items():
        dropped += put(kept, key, value, length, most)
    return kept, dropped


def clean(value: object, length: int | None) -> AttributeValue | None:
    """Return *value* as attributes can have it, or None where they cannot."""
    if isinstance(value, str):
        return value if length is None else value[:length]
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Sequence):
        items = [clean(item, length) for item in cast("Sequence[object]", value)]
        kinds = {type(item) for item in items if item is not None}
        if len(kinds) <= 1 and kinds <= _SCALARS:
            return cast("AttributeValue", tuple(items))
    return None


def _number(environ: Mapping[str, str], name: str, default: int | None) -> int | None:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        _logger.warning("%s must be a whole number of 0 or more, got %r; ignored", name, text)
        return default
    return number
