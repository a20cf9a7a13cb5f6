"""From the arguments of a cache to its store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    import os

    from tta_dev_primitives.core.clock import Clock

    from .base import AsyncStore, Store


def make_store(
    backend: str | Store | AsyncStore | None,
    *,
    cache_dir: str | os.PathLike[str] | None,
    redis_url: str | None,
    max_bytes: int | None,
    clock: Clock,
) -> Store | AsyncStore | None:
    """Return the store outside this process that the arguments ask for, or None for memory.

    Raises:
        ConfigurationError: The arguments contradict each other.
    """
    if not (backend is None or isinstance(backend, str)):
        return _given(backend, cache_dir=cache_dir, redis_url=redis_url, max_bytes=max_bytes)
    if backend is None:
        backend = "redis" if redis_url is not None else "memory" if cache_dir is None else "disk"
    if backend not in ("memory", "disk", "redis"):
        msg = f"backend must be 'memory', 'disk', 'redis' or a store object, got {backend!r}"
        raise ConfigurationError(msg)
    if redis_url is not None and backend != "redis":
        msg = f"backend={backend!r} does not talk to redis_url; use backend='redis'"
        raise ConfigurationError(msg)
    if backend == "memory":
        if cache_dir is None:
            return None
        msg = f"backend='memory' keeps nothing in cache_dir={str(cache_dir)!r}; use backend='disk'"
        raise ConfigurationError(msg)
    if backend == "disk":
        if cache_dir is None:
            msg = "backend='disk' needs cache_dir=, the folder of its file"
            raise ConfigurationError(msg)
        return _disk(cache_dir, max_bytes)
    from .redis import RedisStore

    shared = RedisStore(redis_url, clock=clock)
    if cache_dir is None:
        if max_bytes is not None:
            msg = "max_bytes bounds memory or a disk store; bound Redis by its maxmemory setting"
            raise ConfigurationError(msg)
        return shared
    from tta_dev_primitives.performance.redis.invalidation import RedisInvalidation

    from .tiered import TieredStore

    return TieredStore(
        [_disk(cache_dir, max_bytes), shared],
        invalidation=RedisInvalidation(redis_url),
        clock=clock,
    )


def _given(
    store: Store | AsyncStore,
    *,
    cache_dir: str | os.PathLike[str] | None,
    redis_url: str | None,
    max_bytes: int | None,
) -> Store | AsyncStore:
    if not (hasattr(store, "read") and hasattr(store, "write")):
        msg = f"backend must be 'memory', 'disk', 'redis' or a store object, got {store!r}"
        raise ConfigurationError(msg)
    for name, value in (
        ("cache_dir", cache_dir), ("redis_url", redis_url), ("max_bytes", max_bytes),
    ):  # fmt: skip
        if value is not None:
            msg = f"give a store object or {name}, not both; the object has settings of its own"
            raise ConfigurationError(msg)
    return store


def _disk(cache_dir: str | os.PathLike[str], max_bytes: int | None) -> Store:
    from .disk import DiskStore

    return DiskStore(cache_dir) if max_bytes is None else DiskStore(cache_dir, max_bytes=max_bytes)
