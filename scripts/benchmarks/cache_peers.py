"""Other cache libraries behind one shape: wrap an async function of one argument."""

from __future__ import annotations

import contextlib
import importlib
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cache_data import installed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    # Any: results of whatever is cached
    Step = Callable[[Any], Awaitable[Any]]
    Opened = Callable[[Step], AbstractAsyncContextManager[Step]]

SECONDS = 300


def memory_peers(entries: int = 1024) -> dict[str, Opened]:
    """Return the installed libraries' in-process caches, for so many *entries*."""
    openers: dict[str, tuple[str, Callable[[Step, int], AbstractAsyncContextManager[Step]]]] = {
        "cachebox": ("cachebox", _cachebox),
        "async-lru": ("async_lru", _async_lru),
        "aiocache": ("aiocache", _aiocache),
        "cashews": ("cashews", _cashews),
        "theine": ("theine", _theine),
        "moka-py": ("moka_py", _moka),
    }
    return {
        name: lambda step, opened=opened: opened(step, entries)
        for name, (module, opened) in openers.items()
        if installed(module)
    }


def matrix_peers(redis_url: str | None) -> dict[str, Opened]:
    """Return what the stampede matrix shows besides ours: also other modes of these libraries."""
    found = memory_peers()
    if "aiocache" in found:
        found["aiocache cached_stampede"] = _aiocache_stampede
    if "moka-py" in found:
        found["moka-py wait_concurrent"] = _moka_waiting
    if "cashews" in found and redis_url is not None and installed("redis"):
        found["cashews redis"] = lambda step: _cashews_at(redis_url, uuid.uuid4().hex, step)
    return found


@contextlib.asynccontextmanager
async def _cachebox(step: Step, entries: int) -> AsyncGenerator[Step]:
    cachebox = _module("cachebox")
    yield cachebox.cached(cachebox.TTLCache(entries, SECONDS))(step)


@contextlib.asynccontextmanager
async def _async_lru(step: Step, entries: int) -> AsyncGenerator[Step]:
    cached = _module("async_lru").alru_cache(entries, ttl=SECONDS)(step)
    yield cached
    await cached.cache_close()


@contextlib.asynccontextmanager
async def _aiocache(step: Step, entries: int) -> AsyncGenerator[Step]:
    del entries  # it has no bound
    yield _module("aiocache").cached(ttl=SECONDS)(step)


@contextlib.asynccontextmanager
async def _aiocache_stampede(step: Step) -> AsyncGenerator[Step]:
    yield _module("aiocache").cached_stampede(lease=5, ttl=SECONDS)(step)


def _cashews(step: Step, entries: int) -> AbstractAsyncContextManager[Step]:
    return _cashews_at(f"mem://?size={entries}", "", step)


@contextlib.asynccontextmanager
async def _cashews_at(url: str, prefix: str, step: Step) -> AsyncGenerator[Step]:
    cache = _module("cashews").Cache()
    cache.setup(url)
    await cache.init()

    async def named(key: Any) -> Any:  # Any: as Step
        return await step(key)

    try:
        yield cache(ttl=SECONDS, key=f"{prefix}{{key}}")(named)
    finally:
        await cache.close()


@contextlib.asynccontextmanager
async def _theine(step: Step, entries: int) -> AsyncGenerator[Step]:
    yield _module("theine").Memoize(entries, timedelta(seconds=SECONDS))(step)


@contextlib.asynccontextmanager
async def _moka(step: Step, entries: int) -> AsyncGenerator[Step]:
    yield _module("moka_py").cached(entries, ttl=SECONDS)(step)


@contextlib.asynccontextmanager
async def _moka_waiting(step: Step) -> AsyncGenerator[Step]:
    yield _module("moka_py").cached(1024, ttl=SECONDS, wait_concurrent=True)(step)


def _module(name: str) -> Any:  # Any: not installed where the type checker runs
    return importlib.import_module(name)
