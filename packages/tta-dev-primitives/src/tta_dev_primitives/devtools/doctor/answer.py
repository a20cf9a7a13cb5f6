"""What the doctor says about one thing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

State: TypeAlias = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was looked at, how it is, and what to do about it.

    Args:
        subject: One or two words, such as `uv`.
        state: A note is something that only some work needs.
        said: One plain sentence, without a secret.
        next_move: What helps; empty where nothing has to be done.
    """

    subject: str
    state: State
    said: str
    next_move: str = ""


def text_of(answers: Iterable[Answer]) -> str:
    """Return answers for people, one line each, with the next move below, and a count."""
    rows = list(answers)
    width = max((len(row.subject) for row in rows), default=0)
    lines: list[str] = []
    for row in rows:
        lines.append(f"{row.state:<8} {row.subject:<{width}}  {_plain(row.said)}")
        if row.next_move:
            lines.append(f"{'':<8} {'':<{width}}  next: {_plain(row.next_move)}")
    counts = Counter(row.state for row in rows)
    told = [
        f"{counts[state]} {state}{'s' if counts[state] != 1 else ''}"
        for state in ("problem", "note")
        if counts[state]
    ]
    return "\n".join([*lines, ", ".join(told) if told else "all is well"]) + "\n"


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)
