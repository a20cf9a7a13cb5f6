"""How a series is told from others of its instrument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from observability_integration.semconv.names import OTEL_METRIC_OVERFLOW

if TYPE_CHECKING:
    from .instrument import Instrument, Values

Attributes: TypeAlias = "dict[str, str | bool]"
MAX_SERIES: Final = 1000
OVERFLOW: Final[Attributes] = {OTEL_METRIC_OVERFLOW: True}
"""Those of the series that has what is beyond the limit."""


def attributes_of(instrument: Instrument[object], values: Values) -> Attributes:
    """Return the attributes of a series; a label without a value is left out."""
    labelled = zip(instrument.labels, values, strict=True)
    return {label: value for label, value in labelled if value is not None}
