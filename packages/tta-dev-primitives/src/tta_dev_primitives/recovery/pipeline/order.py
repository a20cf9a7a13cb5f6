"""Looking at a composed workflow for policies that stand in an order which defeats them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tta_dev_primitives.core.base import WorkflowPrimitive
from tta_dev_primitives.core.policy import PolicyPrimitive

from .fused import FusedPrimitive
from .order_rules import contradiction, multiplied_attempts

if TYPE_CHECKING:
    from collections.abc import Iterator

AnyStep: TypeAlias = WorkflowPrimitive[Any, Any]  # Any: any step can stand in a workflow
_Place: TypeAlias = tuple[str, AnyStep]
_Visit: TypeAlias = tuple[_Place, tuple[_Place, ...], tuple[_Place, ...]]
"""A node, the policies directly around it, and all nodes around it."""


class OrderWarning(UserWarning):
    """Warns that a step under `resilient` holds a policy that contradicts one around it."""


@dataclass(frozen=True, slots=True)
class OrderProblem:
    """Two policies whose order makes one of them useless or harmful.

    Attributes:
        path: Path of the outer one, as `walk()` gives it.
        inner_path: Path of the inner one.
        rule: A word for this kind of problem, such as `retry-in-retry`.
        what: Which policy is around which.
        why: What goes wrong.
        instead: What to write instead.
    """

    path: str
    inner_path: str
    rule: str
    what: str
    why: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}: {self.why}; {self.instead}"


def check_order(workflow: AnyStep) -> list[OrderProblem]:
    """Return the policies in *workflow* that defeat each other, in the order of `walk()`.

    Only what is wrong or suspicious wherever it stands is returned; many other orders are a matter
    of what is meant. Nothing is run.
    """
    return [problem for problem, _, _ in problems_with_nodes(workflow)]


def problems_with_nodes(workflow: AnyStep) -> Iterator[tuple[OrderProblem, AnyStep, AnyStep]]:
    """Yield each problem with its outer and its inner node."""
    pending: list[_Visit] = [((workflow.path_segment("0"), workflow), (), ())]
    while pending:
        (path, node), around, above = pending.pop()
        for outer_path, outer in above:
            found = multiplied_attempts(outer, node)
            if found is not None:
                yield OrderProblem(outer_path, path, *found), outer, node
        for outer_path, outer in around:
            found = contradiction(outer, node)
            if found is not None:
                yield OrderProblem(outer_path, path, *found), outer, node
        below: list[_Visit] = []
        here = (path, node)
        for index, (label, child) in enumerate(node.children()):
            place = (f"{path}/{child.path_segment(str(index))}", child)
            below.append((place, _wraps(around, here, label), (*above, here)))
        pending.extend(reversed(below))


def _wraps(around: tuple[_Place, ...], here: _Place, label: str) -> tuple[_Place, ...]:
    """Return the policies directly around a child of the node *here*.

    A fallback's alternatives and a router's routes are under the policies as well, but what is
    said about the step of a policy need not hold for them.
    """
    node = here[1]
    if label not in ("", "primary"):
        return ()
    if isinstance(node, FusedPrimitive):
        return around
    return (*around, here) if isinstance(node, PolicyPrimitive) else ()
