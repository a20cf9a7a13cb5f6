"""Caches in folders for the tests of `tta cache`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tta_dev_primitives import CachePrimitive


def keep(
    folder: Path, *inputs: Any, step: Callable[[Any], Any] | None = None, **options: Any
) -> None:
    """Have a cache keep the answers to *inputs*."""
    options.setdefault("ttl_seconds", None)
    cache = CachePrimitive(step or (lambda x: {"answer": x}), cache_dir=folder, **options)
    for given in inputs:
        cache.run(given)
    cache.close()


def texts(tta: Any, folder: Path) -> list[str]:
    """Return the text keys that are left."""
    return sorted(
        json.loads(line)["text"] for line in tta("cache", "export", folder).out.splitlines()
    )
