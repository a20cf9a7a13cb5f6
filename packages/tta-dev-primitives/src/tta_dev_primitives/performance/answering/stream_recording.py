"""A stream that has ended, ready to be given again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tta_dev_primitives.core.clock import SYSTEM_CLOCK
from tta_dev_primitives.core.streaming import join_chunks
from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tta_dev_primitives.core.clock import Clock

Pace: TypeAlias = Literal["instant", "recorded"]


@dataclass(frozen=True, slots=True)
class Recording:
    """The chunks of a whole stream, and when each of them came.

    It is data like any other: `encoding` writes it and reads it back. Of immutable chunks it is
    immutable itself.

    Attributes:
        chunks: What the stream yielded, in order, with its boundaries.
        offsets: For each chunk, the seconds from the first request to its arrival. Time in which
            nothing was asked for does not count.

    Raises:
        ValueError: There is not one offset for each chunk.
    """

    chunks: tuple[Any, ...]  # Any: chunks are whatever the recorded step yields
    offsets: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.chunks) != len(self.offsets):
            msg = f"expected one offset per chunk, got {len(self.offsets)} for {len(self.chunks)}"
            raise ValueError(msg)

    def joined(self) -> Any:  # Any: the type follows the chunks
        """Return the whole, as `execute` of the recorded step would."""
        return join_chunks(self.chunks)

    def replay(
        self, *, pace: Pace = "instant", clock: Clock = SYSTEM_CLOCK
    ) -> AsyncGenerator[Any, None]:
        """Yield the chunks again, with their boundaries.

        They are the recorded objects: a reader who may change them needs a recording of its own.

        Args:
            pace: `recorded` yields no chunk before its offset has passed since the first request.
                A reader who is late gets what is due at once and is in time again.
            clock: Where the time comes from.

        Raises:
            ConfigurationError: *pace* is something else.
        """
        if pace == "instant":
            return self._at_once()
        if pace != "recorded":
            msg = f"pace must be 'instant' or 'recorded', got {pace!r}"
            raise ConfigurationError(msg)
        return self._in_time(clock)

    async def _at_once(self) -> AsyncGenerator[Any, None]:
        for chunk in self.chunks:
            yield chunk

    async def _in_time(self, clock: Clock) -> AsyncGenerator[Any, None]:
        began = clock.monotonic()
        for chunk, offset in zip(self.chunks, self.offsets, strict=True):
            early = began + offset - clock.monotonic()
            if early > 0:
                await clock.sleep(early)
            yield chunk
