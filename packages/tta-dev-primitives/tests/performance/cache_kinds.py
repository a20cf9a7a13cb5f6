"""Caches by the real clock, of every kind, from the arguments that a user would give."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives import CachePrimitive

KINDS = ["memory", "disk", "redis", "redis behind disk", "cluster", "cluster behind disk"]

MakeCache = Callable[..., CachePrimitive[Any, Any]]


def cache_maker(kind: str, request: pytest.FixtureRequest, folder: Path) -> MakeCache:
    """Return what makes caches of *kind*, each with entries of its own."""
    options: dict[str, Any] = {}
    if "disk" in kind:
        options["cache_dir"] = folder / "cache"
    if "redis" in kind or "cluster" in kind:
        options |= {"backend": "redis", "redis_url": request.getfixturevalue("redis_url")}
    if "cluster" in kind:
        options["single_flight"] = "cluster"

    def make(*arguments: Any, **given: Any) -> CachePrimitive[Any, Any]:
        return CachePrimitive(
            *arguments, **{"namespace": f"test {uuid.uuid4()}", **options, **given}
        )

    return make
