"""Advice as JSON, in a format with a version and a published schema.

The schema is `advice.schema.json` beside this file. Keys may be added within a version; a key that
goes away or changes its meaning makes a new one.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .advice import Advice

SCHEMA_VERSION: Final = 1


def advice_json(advice: Advice, *, version: str) -> str:
    """Return one JSON object; times are seconds since 1970, amounts US dollars.

    Args:
        advice: What to show.
        version: That of the package.
    """
    document: dict[str, Any] = {  # Any: JSON
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "tta cost advise", "version": version},
        **asdict(advice),
    }
    snapshot = advice.price_snapshot
    document["price_snapshot"] = None if snapshot is None else snapshot.isoformat()
    return json.dumps(document, indent=2, allow_nan=False) + "\n"
