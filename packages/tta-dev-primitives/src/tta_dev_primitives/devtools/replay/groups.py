"""How many independent events there are where some stand or fall together."""

from __future__ import annotations


class GroupedEvents:
    """Counts events in groups, such as requests by the answer that was given to all of them.

    A cache gives one answer again and again, so a bad one is bad every time, and a thousand hits of
    one answer tell no more about the next answer than that one does.
    """

    __slots__ = ("events", "squares")

    def __init__(self) -> None:
        self.events = self.squares = 0

    def add(self, before: int = 0) -> None:
        """Add an event.

        Args:
            before: How many events of its group were added already.
        """
        self.events += 1
        self.squares += 2 * before + 1

    @property
    def worth(self) -> float:
        """As many independent events tell as much, if each group is all one way (Kish)."""
        return self.events * self.events / self.squares if self.squares else 0.0
