"""The table that every kind of policy is entered in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Step: TypeAlias = Any  # Any: a primitive, or a function of any kind
Maker: TypeAlias = Callable[..., Step]
POLICIES: dict[str, tuple[int, Maker]] = {}
"""By name: how many steps a maker takes after the world, and the maker."""


def policy(steps: int) -> Callable[[Maker], Maker]:
    """Enter a maker under its name."""

    def enter(make: Maker) -> Maker:
        POLICIES[make.__name__] = steps, make
        return make

    return enter
