"""A composition from the outside in: every way from its outermost policy down to what runs.

`resilient(...)` is taken apart into the policies it makes, in the order it makes them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from .composition import Composition
from .primitive_shapes import POLICIES, SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .composition import Target

# The policies of `resilient` from the outside in, each with the argument that its short form is.
_RESILIENT: Final = (
    ("fallback", "FallbackPrimitive", "fallbacks", None),
    ("cache", "CachePrimitive", "ttl_seconds", None),
    ("timeout", "TimeoutPrimitive", "timeout_seconds", 30.0),
    ("retry", "RetryPrimitive", "strategy", 3),
    ("hedge", "HedgePrimitive", "delay", None),
    ("budget", "BudgetPrimitive", "limit", None),
    ("rate_limit", "RateLimitPrimitive", "limits", None),
    ("bulkhead", "BulkheadPrimitive", "max_concurrent", None),
    ("breaker", "CircuitBreakerPrimitive", "failure_rate", None),
    ("attempt_timeout", "TimeoutPrimitive", "timeout_seconds", None),
)
_MOST_CHAINS: Final = 200
_MOST_LAYERS: Final = 60


@dataclass(frozen=True, slots=True)
class Layer:
    """One policy, or one other primitive, on the way to what runs.

    Args:
        kind: Such as `RetryPrimitive`.
        arguments: By parameter.
        values: What the arguments stand for.
        node: Where it is put around what is inside.
        made_at: Where it is made: elsewhere for a policy that wraps several steps.
        is_complete: Whether `arguments` are all that were given.
        is_certain: False where an argument that is not known may leave the policy out.
        is_direct: Whether it is the very step of the policy around it, not an alternative or one
            step of several.
    """

    kind: str
    arguments: Mapping[str, ast.expr]
    values: Mapping[str, Target]
    node: ast.expr
    made_at: ast.expr
    is_complete: bool
    is_certain: bool = True
    is_direct: bool = True


@dataclass(frozen=True, slots=True)
class Chain:
    """One way through a composition: the layers from the outside in, and what they end at."""

    layers: tuple[Layer, ...]
    leaf: Target
    is_direct: bool

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield the places of each policy and of one it is directly around, outside first."""
        for outer, layer in enumerate(self.layers):
            if layer.kind not in POLICIES or not layer.is_certain:
                continue
            for inner in range(outer + 1, len(self.layers)):
                if not self.layers[inner].is_direct:
                    break
                if self.layers[inner].kind not in POLICIES:
                    break
                if self.layers[inner].is_certain:
                    yield outer, inner


def roots(compositions: Iterable[Composition]) -> list[Composition]:
    """Return those that stand inside no other one, without policies that wrap nothing yet."""
    known = list(compositions)
    inside = {
        id(step.target)
        for made in known
        for step in made.steps
        if isinstance(step.target, Composition)
    }
    return [made for made in known if made.steps and id(made) not in inside]


def chains(made: Composition) -> list[Chain]:
    """Return the ways through one composition, at most a couple of hundred."""
    return list(islice(_ways(made, (), is_direct=True), _MOST_CHAINS))


def _ways(target: Target, above: tuple[Layer, ...], *, is_direct: bool) -> Iterator[Chain]:
    if not isinstance(target, Composition) or len(above) > _MOST_LAYERS:
        yield Chain(above, target, is_direct)
        return
    if target.kind == "LambdaPrimitive":
        # A function as a primitive; nothing is around it that would not be around the function.
        for step in target.steps:
            yield from _ways(step.target, above, is_direct=is_direct)
        return
    own = list(layers_of(target))
    if own:
        own[0] = replace(own[0], is_direct=is_direct)
    if SHAPES[target.kind].calls_model or not target.steps:
        yield Chain((*above, *own), target, True)  # noqa: FBT003 - the last field
        return
    label = SHAPES[target.kind].label
    for step in target.steps:
        wrapped = target.kind in POLICIES and step.label == label
        layers = own
        if not wrapped and target.kind == "ResilientPrimitive":
            layers = own[:1]  # what answers instead of the step is under the fallback alone
        elif not wrapped and target.kind == "TimeoutPrimitive":
            layers = []  # what answers instead has no limit
        yield from _ways(step.target, (*above, *layers), is_direct=wrapped)


def layers_of(made: Composition) -> Iterator[Layer]:
    """Yield the policy that a composition is; of `resilient` every one it makes."""
    if made.kind != "ResilientPrimitive":
        yield _layer(made, made)
        return
    for argument, kind, short, default in _RESILIENT:
        value: Target | None = made.values.get(argument)
        if value is None:
            if default is None and made.is_complete:
                continue
            value, is_certain = ast.Constant(default), made.is_complete
        elif isinstance(value, ast.Constant) and value.value is None:
            continue
        else:
            is_certain = not isinstance(value, (ast.Name, ast.Attribute, ast.IfExp, ast.Subscript))
        if isinstance(value, Composition) and value.kind == kind:
            yield _layer(value, made)
            continue
        expression = value if isinstance(value, ast.expr) else made.arguments[argument]
        yield Layer(
            kind,
            {short: expression},
            {short: value},
            made.node,
            made.made_at,
            is_complete=True,
            is_certain=is_certain,
        )


def _layer(policy: Composition, placed: Composition) -> Layer:
    return Layer(
        policy.kind,
        policy.arguments,
        policy.values,
        placed.node,
        policy.made_at,
        is_complete=policy.is_complete,
    )
