"""The parts that weigh most, found among any number of them in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from .advice import Part
from .shown_text import shown

Key = TypeVar("Key", bound=Hashable)

ROOM: Final = 5_000
SHOWN: Final = 3


class LargestParts(Generic[Key]):
    """Add up dollars by part, and keep the parts that weigh most.

    At most twice *room* parts are held. When there are more, the lighter half is forgotten, so
    that a part which comes back begins anew; from then on the figures of parts are lower bounds.

    Args:
        room: How many parts are kept at least.
        show: Makes a short line without keys of a part's text.
    """

    def __init__(self, room: int = ROOM, *, show: Callable[[str], str] = shown) -> None:
        self._room, self._show = room, show
        self._parts: dict[Key, tuple[float, int, str]] = {}
        self.complete = True

    def add(self, key: Key, dollars: float, text: str) -> None:
        """Count a request.

        Args:
            key: Which part it belongs to.
            dollars: What would be saved on it.
            text: What the part is called, or what was asked; that of the first is kept.
        """
        known = self._parts.get(key)
        if known is not None:
            self._parts[key] = (known[0] + dollars, known[1] + 1, known[2])
            return
        self._parts[key] = (dollars, 1, self._show(text))
        if len(self._parts) > 2 * self._room:
            self._forget()

    def largest(self, number: int = SHOWN) -> tuple[Part, ...]:
        """Return the *number* largest parts that save anything, the largest first."""
        held = sorted(self._parts.values(), key=lambda part: (-part[0], -part[1], part[2]))
        return tuple(
            Part(name, count, dollars) for dollars, count, name in held[:number] if dollars > 0
        )

    def heaviest(self) -> Key | None:
        """Return the key of the largest part, or None without parts."""
        return max(self._parts, key=lambda key: self._parts[key][:2], default=None)

    def _forget(self) -> None:
        heaviest = sorted(self._parts.items(), key=lambda item: item[1][0], reverse=True)
        self._parts = dict(heaviest[: self._room])
        self.complete = False
