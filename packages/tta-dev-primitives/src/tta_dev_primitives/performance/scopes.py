"""What keeps the entries of different steps apart in one store."""

from __future__ import annotations

import types
from typing import Any

from tta_dev_primitives.core.base import LambdaPrimitive, WorkflowPrimitive
from tta_dev_primitives.core.identity import identity

from .keys import digest


class Scopes:
    """The steps that one cache was put around, and the prefix of each one's keys.

    Steps with the same identity, such as two lambdas of equal code, are told apart by the order
    in which they came.

    Args:
        stored: Prefixes are bytes, for a store outside this process.
    """

    def __init__(self, *, stored: bool) -> None:
        self._stored = stored
        self._steps: dict[str, list[object]] = {}

    def prefix(
        self, primitive: WorkflowPrimitive[Any, Any] | None, version: str
    ) -> str | bytes | None:
        """Return the prefix of the keys of *primitive*, or None where it needs none."""
        if primitive is None:
            return b"" if self._stored else ""
        # Wrapping a function makes a primitive each time, so the function itself is remembered.
        step = primitive.fn if isinstance(primitive, LambdaPrimitive) else primitive
        name = identity(primitive)
        steps = self._steps.setdefault(name, [])
        rank = next((i for i, known in enumerate(steps) if _is_same(known, step)), len(steps))
        if rank == len(steps):
            steps.append(step)
        if self._stored:
            return digest((version, name, rank))
        # A memory store serves its first step without a prefix: its keys can meet no others.
        first = rank == 0 and name == next(iter(self._steps))
        return None if first else f"{name}#{rank}"


def _is_same(known: object, step: object) -> bool:
    # Every look at `thing.method` makes a new object.
    return known is step or (isinstance(step, types.MethodType) and known == step)
