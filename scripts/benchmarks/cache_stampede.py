"""What becomes of callers who miss together, when all goes well and when it does not."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache_data import installed
from cache_peers import matrix_peers
from cache_tables import Options, Table

from tta_dev_primitives import CachePrimitive, LambdaPrimitive

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from cache_peers import Opened, Step

CALLERS = 1000
FOLLOWERS = 10
SHARERS = 50
UPSTREAM_SECONDS = 0.05
# A caller that has not been answered by then hangs.
PATIENCE_SECONDS = 2.0
# What every row of ours has to say.
WANTED = {
    "1000 misses: answered (upstream)": f"{CALLERS}/{CALLERS} (1)",
    "leader cancelled: followers ok (upstream)": f"{FOLLOWERS}/{FOLLOWERS} (1)",
    "follower cancelled: others ok (upstream)": f"{FOLLOWERS}/{FOLLOWERS} (1)",
    "all cancelled: upstream stops": "yes",
    "error of 50: told (upstream)": f"{SHARERS}/{SHARERS} (1)",
    "later call retries": "yes",
    "None cached": "yes",
    "caller corrupts entry": "no",
}
PROCESSES = 3
CLUSTER = f"redis, {PROCESSES} caches, single_flight='cluster'"
# An error does not travel: after the one that failed, each of the others tries for itself.
WANTED_OF_CLUSTER = {"error of 50: told (upstream)": f"{SHARERS}/{SHARERS} ({PROCESSES})"}


async def tables(options: Options) -> list[Table]:
    """Run every probe on ours and on the peers."""
    records: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, opened in _ours(Path(folder), options.redis_url).items():
            found = await _probe(opened)
            wanted = WANTED if name != CLUSTER else WANTED | WANTED_OF_CLUSTER
            verdict = "met" if found == wanted else "missed"
            records.append({"cache": f"ours, {name}", **found, "verdict": verdict})
    asyncio.get_running_loop().set_exception_handler(_ignore)
    for name, opened in matrix_peers(options.redis_url).items():
        records.append({"cache": name, **await _probe(opened), "verdict": ""})
    note = (
        f"Goal G17, met where a row of ours reads: {_text(WANTED)}. The {PROCESSES} caches stand "
        f"for as many processes; there it is {_text(WANTED_OF_CLUSTER)}."
    )
    if options.redis_url is None or not installed("redis"):
        note += " Redis was left out: needs the `redis` package and a redis-server."
    return [Table(f"Stampede: {CALLERS} misses, {FOLLOWERS} followers", records=records, note=note)]


def _ignore(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Pass over the failed futures that some peers leave behind."""
    del loop, context


def _text(wanted: dict[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in wanted.items())


def _ours(folder: Path, redis_url: str | None) -> dict[str, Opened]:
    backends: dict[str, Callable[[], dict[str, Any]]] = {  # Any: arguments of CachePrimitive
        "memory": dict,
        "disk": lambda: {"cache_dir": folder / uuid.uuid4().hex},
    }
    if redis_url is not None and installed("redis"):
        backends["redis"] = lambda: {
            "backend": "redis",
            "redis_url": redis_url,
            "version": uuid.uuid4().hex,
        }
    found: dict[str, Opened] = {}
    for name, arguments in backends.items():
        found[name] = lambda step, arguments=arguments: _called(step, arguments(), 1)
        found[f"{name}, stream"] = lambda step, arguments=arguments: _streamed(step, arguments())
    if "redis" in backends:
        found[CLUSTER] = lambda step: _called(
            step, {**backends["redis"](), "single_flight": "cluster"}, PROCESSES
        )
    return found


@contextlib.asynccontextmanager
async def _called(step: Step, arguments: dict[str, Any], count: int) -> AsyncGenerator[Step]:
    """Yield a function that asks *count* caches of the same entries in turns."""
    primitive = LambdaPrimitive[Any, Any](step, name="upstream")
    caches = [CachePrimitive(primitive, ttl_seconds=60, **arguments) for _ in range(count)]
    asked = 0

    async def call(key: Any) -> Any:  # Any: as Step
        nonlocal asked
        asked += 1
        return await caches[asked % count].execute(key)

    yield call
    for cache in caches:
        await cache.aclose()


@contextlib.asynccontextmanager
async def _streamed(step: Step, arguments: dict[str, Any]) -> AsyncGenerator[Step]:
    """Yield a function that reads a cached stream of two chunks and returns the first."""

    async def chunks(key: Any) -> AsyncGenerator[Any, None]:  # Any: as Step
        yield await step(key)
        yield None

    primitive = LambdaPrimitive[Any, Any](chunks, name="upstream")
    cache = CachePrimitive(primitive, ttl_seconds=60, **arguments)

    async def call(key: Any) -> Any:  # Any: as Step
        async with contextlib.aclosing(cache.stream(key)) as stream:
            first, _ = [chunk async for chunk in stream]
            return first

    yield call
    await cache.aclose()


async def _probe(opened: Opened) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in (_together, _leader_leaves, _follower_leaves, _all_leave, _error, _none, _corrupt):
        upstream = _Upstream()
        async with opened(upstream.step) as call:
            found |= await part(call, upstream)
    return found


class _Upstream:
    """A slow step that counts its calls."""

    def __init__(self) -> None:
        self.calls = self.ended = 0
        self.called = asyncio.Event()
        self.seconds = UPSTREAM_SECONDS
        self.give: Callable[[], Any] = lambda: {"values": [1]}

    async def step(self, key: Any) -> Any:  # Any: as Step
        self.calls += 1
        self.called.set()
        await asyncio.sleep(self.seconds)
        self.ended += 1
        return self.give()


async def _together(call: Step, upstream: _Upstream) -> dict[str, str]:
    answered = await _answered([_task(call("a")) for _ in range(CALLERS)])
    return {"1000 misses: answered (upstream)": f"{answered}/{CALLERS} ({upstream.calls})"}


async def _leader_leaves(call: Step, upstream: _Upstream) -> dict[str, str]:
    upstream.seconds *= 4
    leader, followers = await _leader_and_followers(call, upstream)
    leader.cancel()
    answered = await _answered(followers)
    await _answered([leader])
    text = f"{answered}/{FOLLOWERS} ({upstream.calls})"
    return {"leader cancelled: followers ok (upstream)": text}


async def _follower_leaves(call: Step, upstream: _Upstream) -> dict[str, str]:
    upstream.seconds *= 4
    leader, followers = await _leader_and_followers(call, upstream)
    followers[0].cancel()
    answered = await _answered([leader, *followers[1:]])
    await _answered(followers[:1])
    text = f"{answered}/{FOLLOWERS} ({upstream.calls})"
    return {"follower cancelled: others ok (upstream)": text}


async def _all_leave(call: Step, upstream: _Upstream) -> dict[str, str]:
    upstream.seconds *= 4
    leader, followers = await _leader_and_followers(call, upstream)
    for task in (leader, *followers):
        task.cancel()
    await _answered([leader, *followers])
    await asyncio.sleep(upstream.seconds)
    return {"all cancelled: upstream stops": "no" if upstream.ended else "yes"}


async def _error(call: Step, upstream: _Upstream) -> dict[str, str]:
    def fail() -> None:
        msg = "upstream failed"
        raise ValueError(msg)

    upstream.give = fail
    callers = [_task(call("a")) for _ in range(SHARERS)]
    await _answered(callers)
    told = sum(_failed_with(task, ValueError) for task in callers)
    shared = upstream.calls
    await _answered([_task(call("a"))])
    retries = "yes" if upstream.calls > shared else "no"
    text = f"{told}/{SHARERS} ({shared})"
    return {"error of 50: told (upstream)": text, "later call retries": retries}


async def _none(call: Step, upstream: _Upstream) -> dict[str, str]:
    upstream.give = lambda: None
    upstream.seconds = 0
    for _ in range(2):
        await _answered([_task(call("a"))])
    return {"None cached": "yes" if upstream.calls == 1 else "no"}


async def _corrupt(call: Step, upstream: _Upstream) -> dict[str, str]:
    upstream.seconds = 0
    for _ in range(2):  # the one who filled, and one who hit
        (await call("a"))["values"].append(2)
    return {"caller corrupts entry": "no" if await call("a") == {"values": [1]} else "yes"}


def _task(coroutine: Awaitable[Any]) -> asyncio.Task[Any]:
    async def waiting() -> Any:  # Any: as Step
        return await coroutine

    return asyncio.create_task(waiting())


async def _leader_and_followers(
    call: Step, upstream: _Upstream
) -> tuple[asyncio.Task[Any], list[asyncio.Task[Any]]]:
    """Return a caller whose call is under way, and those who have come after it."""
    leader = _task(call("a"))
    await upstream.called.wait()
    followers = [_task(call("a")) for _ in range(FOLLOWERS)]
    await asyncio.sleep(upstream.seconds / 4)
    return leader, followers


async def _answered(tasks: list[asyncio.Task[Any]]) -> int:
    """Return how many of *tasks* get a value; none is left behind."""
    done, hung = await asyncio.wait(tasks, timeout=PATIENCE_SECONDS)
    for task in hung:
        task.cancel()
    if hung:
        await asyncio.wait(hung, timeout=PATIENCE_SECONDS)
    return sum(not task.cancelled() and task.exception() is None for task in done)


def _failed_with(task: asyncio.Task[Any], kind: type[Exception]) -> bool:
    return task.done() and not task.cancelled() and isinstance(task.exception(), kind)
