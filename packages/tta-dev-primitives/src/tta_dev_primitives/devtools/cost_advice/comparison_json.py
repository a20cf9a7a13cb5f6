"""A comparison as JSON, in a format with a version and a published schema.

The schema is `comparison.schema.json` beside this file. Keys may be added within a version; a key
that goes away or changes its meaning makes a new one.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .comparison import Change, Comparison

SCHEMA_VERSION: Final = 1


def comparison_json(comparison: Comparison, *, version: str) -> str:
    """Return one JSON object; times are seconds since 1970, amounts US dollars.

    Args:
        comparison: What to show.
        version: That of the package.
    """
    snapshot, daily = comparison.price_snapshot, comparison.per_day
    document: dict[str, Any] = {  # Any: JSON
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "tta cost diff", "version": version},
        "before": asdict(comparison.before),
        "after": asdict(comparison.after),
        "total": _change(comparison.total),
        "per_day": None if daily is None else _change(daily),
        "models": [_change(each) for each in comparison.models],
        "places": [_change(each) for each in comparison.places],
        "new_models": comparison.new_models,
        "gone_models": comparison.gone_models,
        "new_places": comparison.new_places,
        "gone_places": comparison.gone_places,
        "price_source": comparison.price_source,
        "price_snapshot": None if snapshot is None else snapshot.isoformat(),
        "notes": comparison.notes,
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _change(change: Change) -> dict[str, Any]:  # Any: JSON
    return {**asdict(change), "difference": change.difference}
