"""Small steps between values: an attribute, an item, a number, what a loop runs through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .values import (
    UNKNOWN,
    Constant,
    Element,
    Group,
    Made,
    Member,
    Parameter,
    Reference,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_ALTERNATIVES: Final = 6
LONGEST_TEXT: Final = 300


def member(owner: Value, name: str) -> Value:
    """Give an attribute; of a dotted name it is the longer name."""
    if isinstance(owner, Reference):
        return Reference(f"{owner.name}.{name}", owner.path)
    return Member(owner, name)


def constant_of(value: object) -> Value:
    """Give a constant of a tree; long texts and unusual kinds are unknown."""
    if isinstance(value, str):
        return Constant(value) if len(value) <= LONGEST_TEXT else UNKNOWN
    if value is None or isinstance(value, (bool, float)):
        return Constant(value)
    if isinstance(value, int) and abs(value) < 1 << 60:
        return Constant(value)
    return UNKNOWN


def inward(value: Value) -> Iterator[Value]:
    """Yield a value, what it is an attribute, an item or the result of, and so on to its root."""
    place = value
    yield place
    while isinstance(place, (Member, Element, Made)):
        place = place.callee if isinstance(place, Made) else place.owner
        yield place


def tells_something(value: Value) -> bool:
    """Whether a value is more than "unknown" or ``None``."""
    if isinstance(value, Constant):
        return value.value is not None
    while isinstance(value, (Member, Element)):
        value = value.owner
    return not isinstance(value, (Unknown, Parameter))


def element_of(value: Value) -> Value:
    """Give what a loop over a value runs through."""
    if isinstance(value, Made) and isinstance(value.callee, Member):
        owner, name = value.callee.owner, value.callee.name
        if name == "values":
            return Element(owner)
        if name == "items":
            return Group((UNKNOWN, Element(owner)), (0, 1))
    if isinstance(value, Made) and isinstance(value.callee, Reference) and value.call is not None:
        given = value.call.positional
        if value.callee.name == "builtins.enumerate" and given:
            return Group((UNKNOWN, element_of(given[0])), (0, 1))
        if value.callee.name == "builtins.zip":
            return Group(tuple(map(element_of, given)), tuple(range(len(given))))
        if value.callee.name in {"builtins.reversed", "builtins.sorted", "builtins.list"} and given:
            return element_of(given[0])
    return Element(value)


def item_of(value: Value, number: int) -> Value:
    """Give what unpacking a value puts at a place."""
    if isinstance(value, Group) and value.keys is not None and number in value.keys:
        return value.values[value.keys.index(number)]
    return Element(value, number)


def number_in(value: Value) -> int | float | None:
    """Give the number a value is, ``None`` when it is none or a large one."""
    if isinstance(value, Constant) and isinstance(value.value, (int, float)):
        # Numbers stay small enough for the arithmetic to cost nothing.
        return value.value if abs(value.value) < 1 << 60 else None
    return None


def distinct(values: Iterable[Value]) -> tuple[Value, ...]:
    """Give the values without repetition, as many as are worth following."""
    found: list[Value] = []
    for value in values:
        if value not in found:
            found.append(value)
    return tuple(found[:MOST_ALTERNATIVES])
