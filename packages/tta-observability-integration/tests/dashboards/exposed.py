"""The series that Prometheus sees of the package, with their labels."""

from __future__ import annotations

from typing import Final

from observability_integration.metrics.model_instruments import instruments
from observability_integration.metrics.prometheus_names import exposed_labels, series_names

# What Prometheus adds to every series it scrapes.
TARGET: Final = frozenset({"job", "instance"})


def families() -> dict[str, frozenset[str]]:
    """Return the series that make up each instrument, in either version of the conventions."""
    both = (*instruments("1.41"), *instruments("latest"))
    return {instrument.name: frozenset(series_names(instrument)) for instrument in both}


def series() -> dict[str, frozenset[str]]:
    """Return the labels of each series, those of its target included."""
    both = exposed_labels("1.41") | exposed_labels("latest")
    return {name: labels | TARGET for name, labels in both.items()}
