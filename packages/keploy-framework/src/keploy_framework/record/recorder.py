"""Take exchanges off the event loop and write them in a thread, all of them by the end."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from keploy_framework.exchange import Exchange
    from keploy_framework.wire import Unrecorded

    from .set_writer import SetWriter

Role: TypeAlias = Literal["test", "mock"]

_MOST_WAITING: Final = 10_000
_MOST_WAITING_BYTES: Final = 256 * 1024 * 1024
_MOST_NAMED: Final = 1000
_CALM_SECONDS: Final = 0.25
_IDLE_SECONDS: Final = 0.2
# Writing all mocks again must stay a small part of the time, however many they become.
_REST_PER_FLUSH: Final = 10.0


@dataclass(frozen=True, slots=True)
class RecordSummary:
    """What came of a recording.

    Args:
        test_set: The name of the set.
        tests: How many tests were written.
        mocks: How many mocks were written.
        left_out: How many calls the filters left out.
        lost: How many exchanges could not be kept, by the reason.
        unread: Bodies that were kept as they were, as they could not be decoded, by the reason.
        redacted: How many secrets were replaced, by the rule.
        incomplete: The tests that had a call which was not recorded, and why.
        app_code: How the app ended by itself meanwhile; ``None`` where it did not.
    """

    test_set: str
    tests: int = 0
    mocks: int = 0
    left_out: int = 0
    lost: dict[str, int] = field(default_factory=dict[str, int])
    unread: dict[str, int] = field(default_factory=dict[str, int])
    redacted: dict[str, int] = field(default_factory=dict[str, int])
    incomplete: dict[str, str] = field(default_factory=dict[str, str])
    app_code: int | None = None


class Recorder:
    """Hand exchanges to a writer through a bounded queue, as an async context manager.

    Taking an exchange costs about a microsecond and never waits: when the queue is full the
    exchange is lost and counted. Leaving writes everything that was taken.

    Args:
        writer: Writes them. It is used by one thread only, while the recorder is open.
        most_waiting: The most exchanges that may wait to be written.
        most_waiting_bytes: The most bytes of bodies that may wait.
    """

    def __init__(
        self,
        writer: SetWriter,
        *,
        most_waiting: int = _MOST_WAITING,
        most_waiting_bytes: int = _MOST_WAITING_BYTES,
    ) -> None:
        self._writer = writer
        self._most_bytes = most_waiting_bytes
        self._waiting: queue.Queue[tuple[Role, Exchange] | None] = queue.Queue(most_waiting)
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._lost: Counter[str] = Counter()
        self._lost_calls: list[tuple[int, str]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self.failure: OSError | None = None

    def test(self, exchange: Exchange) -> None:
        """Take an exchange with the app."""
        self._take("test", exchange)

    def mock(self, exchange: Exchange) -> None:
        """Take an exchange with a dependency."""
        self._take("mock", exchange)

    def unrecorded(self, what: Unrecorded) -> None:
        """Take note of a call to the app that could not be recorded."""
        self._lose(what.reason)

    def unrecorded_call(self, what: Unrecorded) -> None:
        """Take note of a call of the app that could not be recorded: its test lacks a mock."""
        self._lose(what.reason)
        self._lose_call(what.at, what.problem)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write everything that was taken; twice is fine."""
        if self._thread.is_alive():
            self._stopping.set()
            self._waiting.put(None)
            self._thread.join()

    def summary(self) -> RecordSummary:
        """Tell what came of it, when it has stopped."""
        writer = self._writer
        return RecordSummary(
            test_set=writer.recorded.name,
            tests=writer.tests,
            mocks=writer.mocks,
            left_out=writer.left_out,
            lost=dict(self._lost),
            unread=dict(writer.unreadable),
            redacted=writer.redactor.counts,
            incomplete=writer.incomplete,
        )

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stopping = asyncio.ensure_future(asyncio.to_thread(self.stop))
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            # What was recorded is worth more than a fast end; the disk decides how long.
            await stopping
            raise

    def _take(self, role: Role, exchange: Exchange) -> None:
        size = _size(exchange)
        with self._lock:
            is_too_much = self._waiting_bytes + size > self._most_bytes
            if not is_too_much:
                self._waiting_bytes += size
        try:
            if is_too_much:
                raise queue.Full
            self._waiting.put_nowait((role, exchange))
        except queue.Full:
            if not is_too_much:
                self._release(size)
            self._lose("queue-full")
            if role == "mock":
                self._lose_call(exchange.began, "the recorder was too slow")

    def _lose_call(self, at: int, why: str) -> None:
        with self._lock:
            if len(self._lost_calls) < _MOST_NAMED:
                self._lost_calls.append((at, why))

    def _lose(self, reason: str) -> None:
        with self._lock:
            self._lost[reason] += 1

    def _release(self, size: int) -> None:
        with self._lock:
            self._waiting_bytes -= size

    def _work(self) -> None:
        rest_until = 0.0
        while True:
            try:
                item = self._waiting.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                if time.monotonic() >= rest_until and not self._writer.is_flushed:
                    began = time.monotonic()
                    self._flush()
                    rest_until = time.monotonic() + (time.monotonic() - began) * _REST_PER_FLUSH
                continue
            # Writing takes time from the relay, so it comes in bursts with calm in between.
            self._stopping.wait(_CALM_SECONDS)
            while item is not None:
                self._write(*item)
                try:
                    item = self._waiting.get_nowait()
                except queue.Empty:
                    break
            else:
                break
        with self._lock:
            self._writer.lose_calls(self._lost_calls)
        self._flush()

    def _write(self, role: Role, exchange: Exchange) -> None:
        try:
            (self._writer.test if role == "test" else self._writer.mock)(exchange)
        except OSError as error:
            self.failure = self.failure or error
            self._lose("not-written")
        except Exception as error:  # noqa: BLE001 - one odd exchange must not end the recording
            # Only the type: the text of an error from anywhere may hold what was recorded.
            self._lose(f"fault {type(error).__name__}")
        finally:
            self._release(_size(exchange))

    def _flush(self) -> None:
        try:
            self._writer.flush()
        except OSError as error:
            self.failure = self.failure or error
        except Exception as error:  # noqa: BLE001 - the tests are on disk, and must be told of
            self._lose(f"fault {type(error).__name__}")


def _size(exchange: Exchange) -> int:
    return len(exchange.request.body) + len(exchange.response.body)
