"""A report as JSON, in a format with a version and a published schema.

The schema is `report.schema.json` beside this file. Keys may be added within a version; a key that
goes away or changes its meaning makes a new one.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.devtools.calls.adoption import adoption_json

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.replay.measurement import ArmFigures, Interval

    from .report import CostReport

SCHEMA_VERSION: Final = 1


def as_json(report: CostReport, *, version: str) -> str:
    """Return one JSON object with everything in it; a figure that is no number is null.

    Args:
        report: What to show.
        version: That of the package.
    """
    return json.dumps(as_document(report, version=version), indent=2, allow_nan=False) + "\n"


def as_document(report: CostReport, *, version: str) -> dict[str, Any]:  # Any: JSON
    """Return the same before it is written.

    Args:
        report: What to show.
        version: That of the package.
    """
    measurement = report.measurement
    day = measurement.price_snapshot
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "tta cost", "version": version},
        "verdict": {
            "status": measurement.verdict.status,
            "reasons": list(measurement.verdict.reasons),
        },
        "targets": {
            "saving": _number(measurement.target),
            "quality": _number(measurement.quality_target),
            "confidence": _number(measurement.confidence),
        },
        "traffic": {
            "source": measurement.source,
            "requests": measurement.requests,
            "fitted_on": measurement.fitted_on,
            "conversations": measurement.conversations,
            "began": _number(measurement.began),
            "ended": _number(measurement.ended),
            "keyed": _number(measurement.keyed),
            "scored": _number(measurement.scored),
        },
        "prices": {
            "source": measurement.price_source,
            "snapshot": None if day is None else day.isoformat(),
        },
        "resamples": measurement.resamples,
        "arms": [_arm(arm) for arm in measurement.arms],
        "comparisons": [_arm(arm) for arm in measurement.comparisons],
        "levers": [
            {"lever": each.lever, "saving": _interval(each.saving)} for each in measurement.levers
        ],
        "curve": [
            {
                "saving": _number(point.saving),
                "quality": _number(point.quality),
                "random_quality": _number(point.random_quality),
            }
            for point in measurement.curve
        ],
        "adoption": None if report.adoption is None else adoption_json(report.adoption),
        "notes": list(measurement.notes),
    }


def _arm(arm: ArmFigures) -> dict[str, Any]:  # Any: JSON
    return {
        "name": arm.name,
        "calls": arm.calls,
        "hits": arm.hits,
        "cost_usd": _number(arm.cost),
        "saving": _interval(arm.saving),
        "quality": _interval(arm.quality),
        "wrong_hits": _interval(arm.wrong_hits),
    }


def _interval(interval: Interval | None) -> dict[str, float | None] | None:
    if interval is None:
        return None
    return {
        "value": _number(interval.value),
        "low": _number(interval.low),
        "high": _number(interval.high),
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
