"""Who is told of time that the event loop was held, and for how much of it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tta_dev_primitives.core.watchdog import Call, Hold, Place, Watchdog, place_of


class Book:
    """A watchdog under a clock that moves when told to, and what it told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[tuple[str, float]] = []
        self.hanging: list[str] = []
        self.watchdog = Watchdog(0.001, self._tell, self._hang, lambda: self.now)

    def _tell(self, hold: Hold, seconds: float) -> None:
        self.told.append((hold.call.primitive, seconds))

    def _hang(self, hold: Hold, seconds: float) -> None:
        self.hanging.append(hold.call.primitive)

    def spend(self, tree: Any, name: str = "0") -> None:
        """Hold the loop: a number of seconds, or a list of such, or of lists, inside each other."""
        hold = self.watchdog.enter(Call(name, name, 1.0))
        for index, part in enumerate(tree):
            if isinstance(part, list):
                self.spend(part, f"{name}/{index}")
            else:
                self.now += part
        self.watchdog.leave(hold)


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ([0.5], []),
        ([1.0], [("0", 1.0)]),
        ([0.5, 0.75], [("0", 1.25)]),
        ([[1.0]], [("0/0", 1.0)]),
        ([0.5, [1.0], 0.25], [("0/1", 1.0)]),
        ([0.5, [1.0], 0.5], [("0/1", 1.0), ("0", 1.0)]),
        ([[0.5], [0.5]], [("0", 1.0)]),
        ([[0.5], [2.0], [0.25]], [("0/1", 2.0)]),
        ([[[1.0]], [[2.0]]], [("0/0/0", 1.0), ("0/1/0", 2.0)]),
        ([[[0.5], 0.5], [0.5]], [("0/0", 1.0)]),
    ],
    ids=[
        "short", "at the limit", "in parts", "inside", "rest too short", "rest long enough",
        "only together", "one of three", "two deep inside", "told in the middle",
    ],
)  # fmt: skip
def test_each_second_is_told_once_by_the_innermost_that_reaches_the_limit(
    tree: Any, told: list[tuple[str, float]]
) -> None:
    """And time that nobody was told of counts for whoever is around it."""
    book = Book()
    book.spend(tree)
    assert book.told == told


@pytest.fixture
def book() -> Iterator[Book]:
    book = Book()
    book.watchdog.start()
    yield book
    book.watchdog.stop()


def wait_until(holds: Any) -> None:
    until = time.monotonic() + 10
    while not holds() and time.monotonic() < until:
        time.sleep(0.001)
    assert holds()


def test_step_is_looked_at_only_when_it_takes_long(book: Book) -> None:
    """Half of what it may take is long enough."""
    hold = book.watchdog.enter(Call("a", "0", 1.0))
    book.now = 0.4
    time.sleep(0.02)
    assert hold.place is None
    book.now = 0.5
    wait_until(lambda: hold.place)
    assert hold.place is not None
    assert hold.place.file == __file__
    book.watchdog.leave(hold)
    seen = hold.places.total()
    time.sleep(0.02)
    assert hold.places.total() == seen
    assert book.told == []


def test_place_inside_a_step_that_was_told_of_is_not_the_place_of_the_rest(book: Book) -> None:
    """The line of another step would mislead."""
    outer = book.watchdog.enter(Call("outer", "0", 1.0))
    for limit in (1.0, 9.0):
        inner = book.watchdog.enter(Call("inner", "0/0", limit))
        book.now += 1.5
        wait_until(lambda inner=inner: inner.place)
        book.watchdog.leave(inner)
        assert bool(outer.places) is (limit == 9.0)
    book.watchdog.leave(outer)
    assert book.told == [("inner", 1.5), ("outer", 1.5)]


def test_step_that_hangs_is_told_once(book: Book) -> None:
    """At ten times its limit."""
    hold = book.watchdog.enter(Call("a", "0", 1.0))
    book.now = 9.9
    wait_until(lambda: hold.place)
    assert book.hanging == []
    book.now = 10.0
    wait_until(lambda: book.hanging)
    seen = hold.places.total()
    wait_until(lambda: hold.places.total() > seen)
    book.watchdog.leave(hold)
    assert book.hanging == ["a"]


def test_thread_ends_when_it_is_no_longer_needed() -> None:
    """And says so itself."""
    ended = threading.Event()
    answers = iter([True, True, False])
    Book().watchdog.start(lambda: next(answers), ended.set)
    assert ended.wait(10)


def test_watchdog_that_never_began_can_stop() -> None:
    """Nothing runs that would have to end."""
    Book().watchdog.stop()


def test_place_is_the_innermost_line_outside_of_libraries() -> None:
    """With the line of the library as what it is inside of."""
    seen: list[Place] = []

    def here(_: object) -> str:
        seen.append(place_of(sys._getframe()))
        seen.append(place_of(sys._getframe(1)))
        return ""

    import re

    re.sub("a", here, "a")
    inner, outer = seen
    assert inner.file == outer.file == __file__
    assert inner.inside is None
    assert inner.function.endswith("here")
    assert outer.function.endswith("test_place_is_the_innermost_line_outside_of_libraries")
    assert outer.inside is not None
    assert outer.inside.endswith(" in sub")
    assert outer.line > inner.line
