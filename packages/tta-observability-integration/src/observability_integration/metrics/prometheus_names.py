"""What Prometheus calls our instruments: the names that OpenTelemetry's own exporter would make."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from observability_integration.encoding.wire import utf8
from observability_integration.semconv.schema import DEFAULT_SCHEMA

from .model_instruments import instruments

if TYPE_CHECKING:
    from observability_integration.semconv.schema import Schema

    from .instrument import Instrument

_NO_LETTERS: Final = re.compile("[^a-zA-Z0-9]+")
# Those of our instruments; one in braces is only told to people.
_UNITS: Final = {"": "", "s": "seconds", "USD": "USD", "{token}": ""}


def unit_name(instrument: Instrument[object]) -> str:
    """Return the unit as it stands in the name; empty where it does not."""
    return _UNITS[instrument.unit]


def family_name(instrument: Instrument[object]) -> str:
    """Return the name of a family, without what its series add to it."""
    name, unit = underscored(instrument.name), unit_name(instrument)
    return name if not unit or name.endswith(f"_{unit}") else f"{name}_{unit}"


def underscored(name: str) -> str:
    """Return *name* in letters, digits and underscores."""
    return _NO_LETTERS.sub("_", name)


def label_name(key: object) -> str:
    """Return the name of a label; empty where there is nothing to name it by."""
    name = underscored(str(key))
    return f"_{name[1:]}" if name[:1].isdigit() else name


def label_text(value: object) -> str:
    """Return a label's value as text; what is no text is written as JSON.

    Halves of surrogate pairs become `?`. What JSON cannot hold is an empty text.
    """
    if isinstance(value, str):
        return utf8(value).decode()
    try:
        return json.dumps(value, default=str)
    except (TypeError, ValueError, RecursionError):
        return ""


def series_names(instrument: Instrument[object]) -> set[str]:
    """Return the names of all series of *instrument*."""
    name = family_name(instrument)
    match instrument.kind:
        case "counter":
            return {f"{name}_total"}
        case "histogram":
            return {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
        case _:
            return {name}


def exposed_series(schema: Schema = DEFAULT_SCHEMA) -> set[str]:
    """Return the names of all series that Prometheus can see of us.

    Args:
        schema: The version of the GenAI conventions.
    """
    return {name for each in instruments(schema) for name in series_names(each)}


def exposed_labels(schema: Schema = DEFAULT_SCHEMA) -> dict[str, frozenset[str]]:
    """Return the labels of each of these series, but for those of the scope and the target."""
    found: dict[str, frozenset[str]] = {}
    for instrument in instruments(schema):
        labels = frozenset(map(underscored, instrument.labels))
        for name in series_names(instrument):
            found[name] = labels | {"le"} if name.endswith("_bucket") else labels
    return found
