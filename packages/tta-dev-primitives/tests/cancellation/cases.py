"""What can happen: compositions of steps, and people who call them, leave and come again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hypothesis import strategies as st

from . import policies_limits, policies_patience, policies_wholes
from .flows import FLOWS
from .makers import POLICIES, Maker, Step
from .worlds import OUTCOMES, WAYS, Leaf, World

# Imported for what they enter into the table.
_ROOMS = (policies_patience, policies_limits, policies_wholes)
KINDS: dict[str, tuple[int, Maker]] = FLOWS | POLICIES
"""Every kind of node: how many steps its maker takes after the world, and the maker."""
DEEPEST = 4

How: TypeAlias = Literal["execute", "stream", "slowly", "close", "abandon", "hold", "late"]
HOWS: tuple[How, ...] = ("execute", "stream", "slowly", "close", "abandon", "hold", "late")


@dataclass(frozen=True)
class Node:
    """A step made of others; see `KINDS`."""

    kind: str
    steps: tuple[Tree, ...]


Tree: TypeAlias = "Leaf | Node"


@dataclass(frozen=True)
class Begin:
    """Somebody calls.

    Attributes:
        x: What is asked.
        how: `execute`; or `stream`, read to its end at once or `slowly`, or for one chunk, after
            which it is closed, abandoned, or held until everybody has left; `late` executes in a
            task that is on its way out, having been cancelled before.
        seconds: Until the caller's deadline.
    """

    x: str = "a0"
    how: How = "execute"
    seconds: float | None = None


@dataclass(frozen=True)
class Turns:
    """The event loop goes round."""

    number: int = 1


@dataclass(frozen=True)
class Move:
    """The clock moves on, with or without anybody getting a turn meanwhile."""

    seconds: float = 0.25
    lively: bool = True


@dataclass(frozen=True)
class Cancel:
    """Somebody who waits is cancelled, and again after some turns unless `again` is None."""

    who: int = 0
    again: int | None = None


Action: TypeAlias = "Begin | Turns | Move | Cancel"


@dataclass(frozen=True)
class Case:
    """One composition and what happens to it."""

    tree: Tree
    actions: tuple[Action, ...]
    watched: bool = False


def kinds_in(tree: Tree) -> set[str]:
    """Return the kinds of all nodes of *tree*."""
    if isinstance(tree, Leaf):
        return set()
    return {tree.kind}.union(*(kinds_in(step) for step in tree.steps))


def build(world: World, tree: Tree, kinds: Mapping[str, tuple[int, Maker]] = KINDS) -> Step:
    """Return the steps that *tree* describes."""
    if isinstance(tree, Leaf):
        return world.service(tree)
    _, make = kinds[tree.kind]
    return make(world, *(build(world, step, kinds) for step in tree.steps))


leaves = st.builds(
    Leaf,
    way=st.sampled_from(WAYS),
    script=st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=3).map(tuple),
    part=st.integers(0, 1),
    tidying=st.sampled_from([0, 0, 1, 3]),
)


@st.composite
def trees(draw: st.DrawFn, depth: int) -> Tree:
    """Draw a composition of at most *depth* levels above its services."""
    if depth <= 0:
        return draw(leaves)
    kind = draw(st.sampled_from(list(KINDS)))
    steps, _ = KINDS[kind]
    below = [depth - 1] + [draw(st.integers(0, max(0, depth - 2))) for _ in range(steps - 1)]
    return Node(kind, tuple(draw(trees(each)) for each in below))


_begins = st.builds(
    Begin,
    x=st.sampled_from(["a0", "a0", "a1", "b0"]),
    how=st.sampled_from(["execute", "execute", "execute", *HOWS]),
    seconds=st.sampled_from([None, None, 0.3, 1.0]),
)
_cancels = st.builds(
    Cancel, who=st.integers(0, 19), again=st.sampled_from([None, None, None, 0, 1, 2, 5])
)
_turns = st.builds(Turns, st.integers(1, 6))
_moves = st.builds(Move, seconds=st.sampled_from([0.1, 0.25, 0.5, 1.0, 3.0]), lively=st.booleans())
_happenings = st.one_of(_turns, _moves)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a case of up to twenty calls."""
    tree = draw(st.integers(1, DEEPEST).flatmap(trees))
    crowd = draw(st.lists(_begins, min_size=2, max_size=10))
    later = draw(st.lists(st.one_of(_begins, _happenings, _cancels), min_size=10, max_size=40))
    begun = len(crowd)
    actions: list[Action] = [*crowd]
    for action in later:
        begun += isinstance(action, Begin)
        if begun <= 20 or not isinstance(action, Begin):
            actions.append(action)
    return Case(tree, tuple(actions), draw(st.booleans()))
