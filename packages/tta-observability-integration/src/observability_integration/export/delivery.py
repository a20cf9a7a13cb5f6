"""Deliver bytes over HTTP from a thread of its own."""

from __future__ import annotations

import gzip
import random
import threading
import time
from typing import TYPE_CHECKING, Final

from .delivery_answers import RETRIED, BackOff, NoAnswerError, rejected_items, retry_after_seconds
from .delivery_outbox import Outbox
from .delivery_troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Callable

    from .delivery_answers import Answer, Transport
    from .delivery_outbox import Parcel
    from .delivery_settings import DeliverySettings

GIVE_UP_SECONDS: Final = 300.0
MOST_WAITING_BYTES: Final = 16 * 1024 * 1024
# Collectors take 20 MiB as they come, and some proxies before them much less.
MOST_POSTED_BYTES: Final = 4 * 1024 * 1024
_SHORTEST_TIMEOUT: Final = 0.001


class HTTPDelivery:
    """Post parcels of telemetry one after the other, and count what became of their items.

    A parcel is posted until the collector takes it, refuses it, or `give_up_seconds` have passed
    since it was offered. After a success it is never sent again; where a connection breaks before
    the answer it may arrive twice, as the OTLP specification has it.

    Threads may share it. Its own begins with the first parcel; where none can begin, because the
    interpreter is shutting down, `flush` and `shutdown` do the work.

    Args:
        settings: Where to post to, and how.
        count: Called with the items that arrived and that never will, under a lock.
        what: What the items are called in logs.
        max_waiting_bytes: Most bytes that wait, as they are sent; beyond it the oldest go.
        give_up_seconds: Longest time that a parcel waits for a collector to be well.
        open_transport: Makes what posts; called where it is first needed.
        clock: Monotonic seconds.
        wall_clock: Unix seconds, for dates in answers.
        sleep: Waits so many seconds before a parcel is posted again; a wait that `shutdown`
            interrupts when left out.
        random: Numbers from 0 to below 1.

    Raises:
        ValueError: A limit is not positive.
    """

    def __init__(
        self,
        settings: DeliverySettings,
        count: Callable[[int, int], object],
        *,
        what: str = "spans",
        max_waiting_bytes: int = MOST_WAITING_BYTES,
        give_up_seconds: float = GIVE_UP_SECONDS,
        open_transport: Callable[[DeliverySettings], Transport],
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], object] | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        if max_waiting_bytes < 1:
            msg = f"max_waiting_bytes must be at least 1, got {max_waiting_bytes!r}"
            raise ValueError(msg)
        if not give_up_seconds > 0:
            msg = f"give_up_seconds must be positive, got {give_up_seconds!r}"
            raise ValueError(msg)
        self._settings, self._count, self._what = settings, count, what
        self._most_bytes, self._give_up_seconds = max_waiting_bytes, give_up_seconds
        self._open_transport = open_transport
        self._clock, self._wall_clock, self._sleep = clock, wall_clock, sleep
        self._random = random
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._outbox = Outbox(self._count, self._most_bytes, self._give_up_seconds, self._clock)
        self._changed = self._outbox.changed
        self._deadline: float | None = None  # set by `shutdown`
        self._closed = False
        self._thread: threading.Thread | None = None
        self._transport: Transport | None = None
        self._back_off = BackOff(self._random)
        self._troubles = Troubles(self._what, self._settings.place, self._clock)

    def offer(self, body: bytes, items: int) -> None:
        """Take a parcel, and wait for no network.

        Args:
            body: What to post, not compressed yet.
            items: How many items are in it.
        """
        if self._settings.compression == "gzip":
            # The fastest level: those above it make spans hardly smaller, at thrice the price.
            body = gzip.compress(body, 1, mtime=0)
        with self._changed:
            if self._deadline is not None:
                self._outbox.refuse(items)
                return
            room = self._outbox.put(body, items)
            self._begin_thread()
        if not room:
            self._tell("full", f"more than {self._most_bytes} bytes wait; the oldest are dropped")

    def refuse(self, items: int) -> None:
        """Count items as lost that never became a parcel."""
        self._outbox.refuse(items)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until nothing waits any more; False when the time was up before."""
        deadline = self._clock() + timeout_seconds
        if not self._wait_until_idle(timeout_seconds):
            self._work_until(deadline)
        return self._outbox.is_idle

    def shutdown(self, timeout_seconds: float) -> None:
        """Deliver what can be delivered in time, and drop the rest; a second call does nothing.

        A wait for a collector that was away is cut short: this is its last chance. A request that
        is still without an answer when the time is up counts as lost, and is left to the thread,
        which ends with it.
        """
        deadline = self._clock() + timeout_seconds
        with self._changed:
            if self._deadline is not None:
                return
            self._deadline = deadline
            self._changed.notify_all()
        if not self._wait_until_idle(timeout_seconds):
            self._work_until(deadline)
        with self._changed:
            self._outbox.give_up()
            self._closed = True
            self._changed.notify_all()
        left = self._outbox.given_up
        if left:
            self._tell("shutdown", f"{left} could not be delivered before the end")
        if self._thread is None:
            self._close_transport()
        else:
            self._thread.join(max(0.0, deadline - self._clock()))

    def after_fork(self) -> None:
        """Begin with nothing in a forked process: what waits is its parent's to deliver.

        Connections are forgotten, not closed, since the parent uses them.
        """
        self._begin_anew()

    def _wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait for the thread, or return False at once where there can be none."""
        with self._changed:
            if not (self._outbox.is_idle or self._begin_thread()):
                return False
            self._changed.wait_for(lambda: self._outbox.is_idle, timeout_seconds)
            return True

    def _begin_thread(self) -> bool:
        if self._thread is not None and self._thread.is_alive():
            return True
        thread = threading.Thread(target=self._work, name=f"tta-{self._what}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down
            self._thread = None
            return False
        self._thread = thread
        return True

    def _work(self) -> None:
        while self._wait_for_parcel():
            deadline = self._deadline
            delay = self._post_next(deadline)
            if delay:
                self._pause(delay, deadline)
        self._close_transport()

    def _wait_for_parcel(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._outbox.waits or self._deadline is not None)
            return self._outbox.waits

    def _pause(self, seconds: float, deadline: float | None) -> None:
        """Wait before the next post.

        Args:
            seconds: How long.
            deadline: Of `shutdown`, if it had begun before the last post. If it had not, it cuts
                the wait short: there is one post more, whatever the collector asked for.
        """
        if self._sleep is not None:
            self._sleep(seconds)
            return
        with self._changed:
            if deadline is None:
                self._changed.wait_for(lambda: self._deadline is not None, seconds)
            elif seconds < deadline - self._clock():
                self._changed.wait_for(lambda: self._closed, seconds)
            else:
                self._outbox.give_up()  # nothing will be different before the time is up

    def _work_until(self, deadline: float) -> None:
        """Do the thread's work where there can be none."""
        while self._outbox.waits and self._clock() < deadline:
            delay = self._post_next(deadline)
            if delay >= deadline - self._clock():
                return
            (self._sleep or time.sleep)(delay)

    def _post_next(self, deadline: float | None) -> float:
        """Post the oldest parcel once, and return the seconds to wait before the next post."""
        parcel = self._outbox.take()
        if parcel is None:
            return 0.0
        try:
            answer = self._post(parcel, deadline)
        except NoAnswerError as error:
            return self._postpone(parcel, f"no answer ({error.reason})", 0.0)
        except Exception as error:  # noqa: BLE001 - told by its type: its text may hold headers
            self._tell("unsendable", f"they cannot be sent ({type(error).__name__})")
            self._outbox.settle(parcel, lost=parcel.items)
            return 0.0
        if answer.status in RETRIED:
            asked = retry_after_seconds(answer.retry_after, self._wall_clock())
            return self._postpone(parcel, f"status {answer.status}", asked)
        self._answered(parcel, answer)
        return 0.0

    def _post(self, parcel: Parcel, deadline: float | None) -> Answer:
        if self._transport is None:
            self._transport = self._open_transport(self._settings)
        timeout = self._settings.timeout_seconds
        if deadline is not None:
            timeout = max(_SHORTEST_TIMEOUT, min(timeout, deadline - self._clock()))
        return self._transport.post(parcel.body, timeout)

    def _postpone(self, parcel: Parcel, reason: str, asked_seconds: float) -> float:
        if not self._outbox.put_back(parcel):
            return 0.0
        self._tell("away", f"{reason}; they wait for up to {self._give_up_seconds:g} s")
        return self._back_off.next_delay(min(asked_seconds, self._give_up_seconds))

    def _answered(self, parcel: Parcel, answer: Answer) -> None:
        if self._closed:  # given up and told: nobody knows of an answer that comes later
            return
        self._back_off.reset()
        if not 200 <= answer.status < 300:
            self._tell("refused", f"status {answer.status}; they are dropped, check the settings")
            self._outbox.settle(parcel, lost=parcel.items)
            return
        rejected = min(rejected_items(answer.body), parcel.items)
        if rejected:
            self._tell("rejected", f"{rejected} of {parcel.items} were rejected and are dropped")
        else:
            self._troubles.over(self._outbox.lost)
        self._outbox.settle(parcel, lost=rejected)

    def _tell(self, kind: str, text: str) -> None:
        self._troubles.tell(kind, text, self._outbox.lost)

    def _close_transport(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
