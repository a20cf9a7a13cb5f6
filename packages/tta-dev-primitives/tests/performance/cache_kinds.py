"""Caches by the real clock, of every kind, from the arguments that a user would give."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives import CachePrimitive, DiskStore, RedisStore, TieredStore
from tta_dev_primitives.performance.redis.invalidation import RedisInvalidation

KINDS = ["memory", "disk", "redis", "redis behind disk", "cluster", "cluster behind disk"]

MakeCache = Callable[..., CachePrimitive[Any, Any]]

# A machine that stalls is not an outage.
PATIENT_SECONDS = 15


def cache_maker(kind: str, request: pytest.FixtureRequest, folder: Path) -> MakeCache:
    """Return what makes caches of *kind*, each with entries of its own."""
    options: dict[str, Any] = {"single_flight": "cluster"} if "cluster" in kind else {}

    def backend() -> dict[str, Any]:
        if kind == "memory":
            return {}
        if kind == "disk":
            return {"cache_dir": folder / "cache"}
        url = request.getfixturevalue("redis_url")
        shared = RedisStore(url, timeout_seconds=PATIENT_SECONDS)
        if "disk" not in kind:
            return {"backend": shared}
        tiers = [DiskStore(folder / "cache"), shared]
        return {"backend": TieredStore(tiers, invalidation=RedisInvalidation(url))}

    def make(*arguments: Any, **given: Any) -> CachePrimitive[Any, Any]:
        return CachePrimitive(
            *arguments, **{"namespace": f"test {uuid.uuid4()}", **backend(), **options, **given}
        )

    return make
