"""What a reader of the figures has to know about how the traffic was read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _Counted:
    """What happened once or more, and where first."""

    one: str
    many: str
    first: str
    count: int = 0


class Notes:
    """Remarks, in the order in which they first came up; the same remark is counted."""

    def __init__(self) -> None:
        self._counted: dict[str, _Counted] = {}

    def say(self, text: str) -> None:
        """Note *text*, once however often it is said."""
        self._counted.setdefault(text, _Counted(text, "", ""))

    def count(self, one: str, many: str, first: str = "", *, times: int = 1) -> None:
        """Count what happened.

        Args:
            one: How that reads after the number 1.
            many: How it reads after any other number.
            first: Where that was; the first place is told.
            times: How often.
        """
        if times:
            self._counted.setdefault(many, _Counted(one, many, first)).count += times

    def texts(self) -> tuple[str, ...]:
        """Return the remarks."""
        return tuple(map(_text, self._counted.values()))


def _text(counted: _Counted) -> str:
    if not counted.count:
        return counted.one
    said = counted.one if counted.count == 1 else counted.many
    first = f"; the first is {counted.first}" if counted.first else ""
    return f"{counted.count:,} {said}{first}"
