from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, WorkflowPrimitive
from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.stores.disk import DiskStore
from tta_dev_primitives.performance.values import encoding
from tta_dev_primitives.testing.clock import FakeClock

from .cache_callers import MakeCache
from .fake_site import site
from .hearing_processes import start_process
from .lease_fillings import filling, lease_client, lease_server, make_lease_store
from .redis_server import any_server
from .stream_readers import kept, share
from .tier_fakes import far, make_tiers, near

# Fixtures that stand beside what they give.
__all__ = [
    "far",
    "filling",
    "kept",
    "lease_client",
    "lease_server",
    "make_lease_store",
    "make_tiers",
    "near",
    "share",
    "site",
    "start_process",
]


class Upstream(WorkflowPrimitive[Any, Any]):
    """A slow service: every call waits until it is let go, and is seen to begin and to end."""

    def __init__(self) -> None:
        self.begun: list[Any] = []
        self.ended: list[str] = []
        self.answer: Any = "answer"
        self.cleanup_turns = 0
        self._gate = asyncio.Event()

    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        self.begun.append(input_data)
        try:
            await self._gate.wait()
        except asyncio.CancelledError:
            for _ in range(self.cleanup_turns):
                await asyncio.sleep(0)
            self.ended.append("cancelled")
            raise
        if isinstance(self.answer, Exception):
            self.ended.append("failed")
            raise self.answer
        self.ended.append("answered")
        return self.answer

    def let_go(self) -> None:
        self._gate.set()

    def hold(self) -> None:
        self._gate.clear()


class Watcher(observe.ObservabilityPrimitive):
    """Keeps what caches report, and the outcome of every call by its path."""

    def __init__(self) -> None:
        self.records: list[observe.CacheRecord] = []
        self.outcomes: list[tuple[str, str]] = []

    def start(self, primitive: WorkflowPrimitive, path: str, context: WorkflowContext) -> object:
        return path

    def event(self, token: object, record: object) -> None:
        if isinstance(record, observe.CacheRecord):
            self.records.append(record)

    def end(self, token: object, outcome: observe.Outcome, error: BaseException | None) -> None:
        self.outcomes.append((str(token), outcome))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def context() -> WorkflowContext:
    return WorkflowContext()


@pytest.fixture
async def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    found = Watcher()
    with observe.observe(found):
        yield found


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a Redis server is, started here if none is given."""
    with any_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def redis_namespace() -> str:
    """Keeps the entries of a test apart from those of others on the same server."""
    return f"test {uuid.uuid4()}"


@pytest.fixture
async def redis_client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(redis_url) as found:
        yield found


@pytest.fixture(params=["memory", "disk", "redis", "redis behind disk"])
async def make_cache(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[MakeCache]:
    """Makes caches on the test's clock, with entries in each kind of store in turn."""
    kind: str = request.param
    options: dict[str, Any] = {}
    if "disk" in kind:
        options["cache_dir"] = tmp_path / "cache"
    if "redis" in kind:
        options["redis_url"] = request.getfixturevalue("redis_url")
        options["namespace"] = request.getfixturevalue("redis_namespace")
        options["backend"] = "redis"
    made: list[CachePrimitive[Any, Any]] = []

    def make(*arguments: Any, **given: Any) -> CachePrimitive[Any, Any]:
        made.append(CachePrimitive(*arguments, **{"clock": clock, **options, **given}))
        return made[-1]

    yield make
    for cache in made:
        await cache.aclose()


@pytest.fixture(params=["memory", "disk"])
def make_local_cache(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> Iterator[MakeCache]:
    """Makes caches on the test's clock whose store does not wait for a network."""
    made: list[CachePrimitive[Any, Any]] = []

    def make(*arguments: Any, **options: Any) -> CachePrimitive[Any, Any]:
        if request.param == "disk":
            options.setdefault("cache_dir", tmp_path / "cache")
        made.append(CachePrimitive(*arguments, **{"clock": clock, **options}))
        return made[-1]

    yield make
    for cache in made:
        cache.close()


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator[Callable[..., DiskStore]]:
    """Makes disk stores on one file."""
    made: list[DiskStore] = []

    def make(**options: Any) -> DiskStore:
        made.append(DiskStore(tmp_path, **options))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture(scope="module", params=["msgspec", "stdlib"])
def codec(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the codec in use: the fast one, or what is there without it."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "stdlib":
            for name in ("_pack", "_unpack", "_sorted_json"):
                patch.setattr(encoding, name, None)
        yield request.param


@pytest.fixture
def placed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Makes a type look defined at the top of the test's module, in the place of an older one."""

    def place(kind: Any) -> Any:
        kind.__qualname__ = kind.__name__
        monkeypatch.setattr(request.module, kind.__name__, kind, raising=False)
        return kind

    return place


@pytest.fixture(autouse=True)
async def nothing_left_behind() -> AsyncIterator[None]:
    """No task outlives its call."""
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left
