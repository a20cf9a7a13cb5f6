"""Write spans to one SQLite file."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from observability_integration.spans.clock import unix_nanoseconds
from observability_integration.trace_file.errors import TraceFileError
from observability_integration.trace_file.opening import FAILURES, identity_of, problem_of
from observability_integration.trace_file.writer import TraceFileWriter

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.util.types import AttributeValue

    from observability_integration.spans.light_span import LightSpan

DEFAULT_MAX_BYTES: Final = 1 << 30
_LEAST_BYTES: Final = 1 << 20
_RETRY_SECONDS: Final = 1.0
_logger = logging.getLogger("observability_integration")


class TraceFileExporter:
    """Write spans to one SQLite file, which can be read while it grows.

    The file is opened with the first spans. A batch is written as a whole: what `export` has
    written survives the death of the process. After `shutdown` the file stands alone, with no log
    beside it, unless another program has it open. Several processes may write to one file; each
    is a run of its own in it. Only its user can read a file that is made here.

    What goes wrong is told in one log line, and the spans it costs count as dropped: a file of
    another kind, of a newer version, or damaged, for as long as that file is there; a full disk, a
    lock or a folder that cannot be written, until that is over.

    Args:
        path: The file; spans are added to one that is there.
        max_bytes: The file is kept near this size; the oldest traces make room, and the run they
            are from counts them as removed.
        resource: What describes the service, as in OpenTelemetry's resources.
        busy_seconds: Longest wait for another process that writes.
        monotonic: Gives seconds that never go back.

    Attributes:
        exported: Spans that were written.
        dropped: Spans that could not be.

    Raises:
        ValueError: A bound or time is too small.
    """

    name = "file"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        resource: Mapping[str, AttributeValue] | None = None,
        busy_seconds: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if max_bytes < _LEAST_BYTES:
            msg = f"max_bytes must be at least {_LEAST_BYTES} (1 MiB), got {max_bytes!r}"
            raise ValueError(msg)
        if not busy_seconds >= 0:
            msg = f"busy_seconds must not be negative, got {busy_seconds!r}"
            raise ValueError(msg)
        self.path = Path(path)
        self.exported = self.dropped = 0
        self._max_bytes, self._busy_seconds = max_bytes, busy_seconds
        self._resource = dict(resource or {})
        self._monotonic = monotonic
        self._began_ns = unix_nanoseconds()
        self._begin()

    def export(self, spans: Sequence[LightSpan]) -> None:
        """Write *spans* in one transaction."""
        if not spans:
            return
        with self._lock:
            writer = self._open_writer()
            if writer is None:
                self.dropped += len(spans)
                return
            try:
                writer.write(spans, self.dropped - self._dropped_elsewhere)
            except FAILURES as error:
                writer.be_patient(0)
                self._trouble(problem_of(self.path, error))
                self.dropped += len(spans)
            else:
                self.exported += len(spans)
                if self._told is not None:
                    self._over(writer)

    def flush(self, timeout_seconds: float) -> bool:
        """Return True: what `export` was given is written already, or dropped."""
        return True

    def shutdown(self, timeout_seconds: float) -> None:
        """Note the end of the run and close the file; a second call does nothing.

        Args:
            timeout_seconds: Longest wait for another process that writes.
        """
        with self._lock:
            self._closed = True
            writer, self._writer = self._writer, None
            if writer is None:
                return
            try:
                writer.end(
                    self.dropped - self._dropped_elsewhere,
                    min(timeout_seconds, self._busy_seconds),
                )
            except FAILURES as error:
                self._trouble(problem_of(self.path, error))

    def after_fork(self) -> None:
        """Begin anew in the child: the parent writes what it was given."""
        if self._writer is not None:
            self._writer.abandon()
        self.exported = self.dropped = 0
        self._began_ns = unix_nanoseconds()
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._writer: TraceFileWriter | None = None
        self._closed = False
        self._refused: tuple[int, int] | None = None
        self._told: str | None = None
        self._not_before = float("-inf")
        self._dropped_before_trouble = self._dropped_elsewhere = 0

    def _open_writer(self) -> TraceFileWriter | None:
        writer = self._writer
        if writer is not None:
            if writer.is_in_place():
                return writer
            self._writer = None
            self._close(writer)
            # The run in the new file counts from here.
            self._dropped_elsewhere, self._began_ns = self.dropped, unix_nanoseconds()
            _logger.warning("trace file %s was moved or deleted; a new one is begun", self.path)
        if self._closed or self._monotonic() < self._not_before:
            return None
        if self._refused is not None and identity_of(self.path) == self._refused:
            return None
        try:
            self._writer = TraceFileWriter(
                self.path,
                self._resource,
                self._began_ns,
                max_bytes=self._max_bytes,
                busy_seconds=self._busy_seconds,
            )
        except TraceFileError as error:
            self._trouble(error)
        return self._writer

    def _close(self, writer: TraceFileWriter) -> None:
        try:
            writer.close()
        except FAILURES as error:
            self._trouble(problem_of(self.path, error))

    def _trouble(self, error: TraceFileError) -> None:
        """Tell what is wrong, once for each reason, and wait a little before trying again."""
        if error.lasting:
            self._refused = identity_of(self.path)
            writer, self._writer = self._writer, None
            if writer is not None:
                self._close(writer)
        self._not_before = self._monotonic() + _RETRY_SECONDS
        if error.reason == self._told:
            return
        if self._told is None:
            self._dropped_before_trouble = self.dropped
        self._told = error.reason
        _logger.warning(
            "traces are not written, and the app goes on without them: %s",
            error,
        )

    def _over(self, writer: TraceFileWriter) -> None:
        writer.be_patient(self._busy_seconds)
        self._told = None
        lost = self.dropped - self._dropped_before_trouble
        _logger.info("traces are written to %s again; %s spans were dropped", self.path, lost)
