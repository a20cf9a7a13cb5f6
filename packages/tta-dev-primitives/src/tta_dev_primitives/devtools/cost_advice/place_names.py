"""Names of places, of which only so many are told apart."""

from __future__ import annotations

from typing import Final

NO_PLACE: Final = "(no place)"
OTHER: Final = "(others)"
MOST_NAMES: Final = 1_000


class BoundedNames:
    """Tell the first names apart and take all later ones together.

    Whoever names places by request would else fill the memory; sums stay exact.

    Args:
        most: How many names are told apart.
        unnamed: What stands for no name.
    """

    def __init__(self, most: int = MOST_NAMES, *, unnamed: str = NO_PLACE) -> None:
        self._most, self._unnamed = most, unnamed
        self._names: set[str] = set()
        self.pooled = False

    def of(self, name: str | None) -> str:
        """Return the name under which *name* is counted."""
        if name is None:
            return self._unnamed
        if name in self._names:
            return name
        if len(self._names) < self._most:
            self._names.add(name)
            return name
        self.pooled = True
        return OTHER
