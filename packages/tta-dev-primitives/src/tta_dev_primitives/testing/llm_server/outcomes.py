"""What happens to the next request: scripted, or drawn with a bound on bad luck."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tta_dev_primitives.testing.llm_server.faults import Fault, FaultRates, SlowChunks
from tta_dev_primitives.testing.llm_server.values import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tta_dev_primitives.testing.llm_server.draws import Draws

_MOST_BODIES = 100_000


class Script:
    """Outcomes queued for the next requests, for any model or for one."""

    def __init__(self) -> None:
        self._queues: dict[str | None, deque[Reply | Fault]] = {}

    def add(self, outcomes: Iterable[Reply | Fault | str], model: str | None) -> None:
        """Append outcomes; a text stands for a reply."""
        checked = [Reply(item) if isinstance(item, str) else item for item in outcomes]
        self._queues.setdefault(model, deque()).extend(checked)

    def take(self, model: str, *, faults_only: bool = False) -> Reply | Fault | None:
        """Take what is next for *model*: its own queue first, then the one for any model."""
        for queue in (self._queues.get(model), self._queues.get(None)):
            if queue and not (faults_only and isinstance(queue[0], Reply)):
                return queue.popleft()
        return None

    def left(self) -> int:
        """Count the outcomes nobody came for yet."""
        return sum(len(queue) for queue in self._queues.values())


class BodyHistory:
    """How often each body came, and how many drawn faults in a row it met.

    Args:
        most_faults: After this many in a row the next draw for the same body is spared, so
            that a client with more retries than that always gets through.
    """

    def __init__(self, most_faults: int) -> None:
        self._most_faults = most_faults
        self._seen: dict[bytes, int] = {}
        self._streaks: dict[bytes, int] = {}

    def attempt(self, digest: bytes) -> int:
        """Count a request in; 0 the first time its body is seen."""
        attempt = self._seen.get(digest, 0)
        self._seen[digest] = attempt + 1
        if len(self._seen) > _MOST_BODIES:
            oldest = next(iter(self._seen))
            del self._seen[oldest]
            self._streaks.pop(oldest, None)
        return attempt

    def draw(self, rates: FaultRates, digest: bytes, draws: Draws) -> Fault | None:
        """Draw the fault of a request, or spare it."""
        fault = rates.draw(draws)
        if fault is None or isinstance(fault, SlowChunks):
            self._streaks.pop(digest, None)
            return fault
        streak = self._streaks.get(digest, 0)
        if streak >= self._most_faults:
            del self._streaks[digest]
            return None
        self._streaks[digest] = streak + 1
        return fault
