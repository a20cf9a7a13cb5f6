"""What primitives know of themselves and are asked for when metrics are collected."""

from __future__ import annotations

import logging
import threading
import weakref
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from .instruments import CACHE_EVICTIONS, CACHE_SIZE, RATELIMIT_WAITING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tta_dev_primitives import WorkflowPrimitive

    from .instrument import CellSource, Observed, Values

_T = TypeVar("_T")
_logger = logging.getLogger("observability_integration")


class _Cache(Protocol):
    """What a cache tells of itself."""

    label: str

    def get_stats(self) -> Mapping[str, float]: ...


class _QueueStats(Protocol):
    waiting: int


class _Queue(Protocol):
    """What a bulkhead tells of itself."""

    label: str

    def stats(self) -> _QueueStats: ...


class Watched:
    """Tell the sizes of caches and the lengths of queues that were seen, while they live.

    Caches of one name are told as one, the largest of them: wraps of a cache share its store, and
    there is no telling them from others. A disk store counts its entries when it is asked, in the
    thread that collects; a store behind a network is not asked and has size 0.

    Args:
        source: Where metrics are told; it does not keep this alive.
    """

    def __init__(self, source: CellSource) -> None:
        self._caches: dict[int, weakref.ref[_Cache]] = {}
        self._queues: dict[int, weakref.ref[_Queue]] = {}
        self._evictions: dict[Values, float] = {}
        self._lock = threading.Lock()
        self._complained = False
        source.observe(CACHE_SIZE, _while_alive(self.sizes))
        source.observe(CACHE_EVICTIONS, _while_alive(self.evictions))
        source.observe(RATELIMIT_WAITING, _while_alive(self.waiting))

    def add_cache(self, cache: WorkflowPrimitive[Any, Any]) -> None:  # Any: any cache
        """Watch *cache* as long as it lives."""
        with self._lock:
            self._caches[id(cache)] = weakref.ref(cast("_Cache", cache))

    def add_queue(self, queue: WorkflowPrimitive[Any, Any]) -> None:  # Any: any bulkhead
        """Watch *queue* as long as it lives."""
        with self._lock:
            self._queues[id(queue)] = weakref.ref(cast("_Queue", queue))

    def sizes(self) -> list[tuple[Values, float]]:
        """Return the number of entries by the name of the cache."""
        return list(self._largest("size").items())

    def evictions(self) -> list[tuple[Values, float]]:
        """Return how many entries made room for others; it never shrinks."""
        for name, number in self._largest("evictions").items():
            self._evictions[name] = max(number, self._evictions.get(name, 0))
        return list(self._evictions.items())

    def waiting(self) -> list[tuple[Values, float]]:
        """Return how many calls wait, by the name of the queue."""
        found: dict[Values, float] = {}
        for queue in self._alive(self._queues):
            known = found.get((queue.label,), 0)
            found[queue.label,] = max(known, queue.stats().waiting)
        return list(found.items())

    def _largest(self, what: str) -> dict[Values, float]:
        found: dict[Values, float] = {}
        for cache in self._alive(self._caches):
            try:
                number = cache.get_stats().get(what)
            except Exception as error:  # noqa: BLE001 - told once; the other caches can answer
                if not self._complained:
                    self._complained = True
                    kind = type(error).__name__
                    _logger.warning("the cache %s cannot tell its size: %s", cache.label, kind)
                continue
            if number is not None:
                found[cache.label,] = max(number, found.get((cache.label,), 0))
        return found

    def _alive(self, references: dict[int, weakref.ref[_T]]) -> list[_T]:
        with self._lock:
            for identity in [key for key, each in references.items() if each() is None]:
                del references[identity]
            found = [each() for each in references.values()]
        return [each for each in found if each is not None]


def _while_alive(method: Callable[[], list[tuple[Values, float]]]) -> Observed:
    """Return what asks *method*, and tells nothing once its owner is gone."""
    reference = weakref.WeakMethod(method)

    def ask() -> list[tuple[Values, float]]:
        alive = reference()
        return [] if alive is None else alive()

    return ask
