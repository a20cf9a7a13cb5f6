"""From the arguments of a cache to its store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    import os

    from .base import Store


def make_store(
    backend: str | Store | None,
    cache_dir: str | os.PathLike[str] | None,
    max_bytes: int,
    *,
    share: bool,
) -> Store | None:
    """Return the store outside this process that the arguments ask for, or None for memory."""
    if not (backend is None or isinstance(backend, str)) and hasattr(backend, "read"):
        if cache_dir is not None:
            msg = "give a store object or cache_dir, not both"
            raise ConfigurationError(msg)
        store = backend
    elif backend in (None, "disk") and cache_dir is not None:
        from .disk import DiskStore

        store = DiskStore(cache_dir, max_bytes=max_bytes)
    elif backend in (None, "memory") and cache_dir is None:
        return None
    elif backend == "disk":
        msg = "backend='disk' needs cache_dir=, the folder of its file"
        raise ConfigurationError(msg)
    elif backend == "memory":
        msg = f"backend='memory' keeps nothing in cache_dir={str(cache_dir)!r}; use backend='disk'"
        raise ConfigurationError(msg)
    else:
        msg = f"backend must be 'memory', 'disk' or a store object, got {backend!r}"
        raise ConfigurationError(msg)
    if share:
        msg = "share=True keeps the very object and so needs the memory backend"
        raise ConfigurationError(msg)
    return store
