"""The numbers a policy is set to, where the source gives them: attempts, limits and waits.

Only what is written as a number counts, or what a name of the same file was given once.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .layers import Layer

_STRATEGY: Final = ("max_retries", "backoff_base", "initial_delay", "max_delay", "jitter")
_STRATEGY_DEFAULTS: Final[Mapping[str, float]] = {
    "max_retries": 3,
    "backoff_base": 2.0,
    "initial_delay": 0.5,
    "max_delay": 60.0,
    "jitter": True,
}
_LIMIT_DEFAULT: Final = 30.0
_LARGEST: Final = 1e15
_HEDGE_DEFAULT: Final = 0.5
_MOST_ATTEMPTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a retry tries.

    Args:
        most: Attempts in all, the first one included.
        shortest_waits: Seconds that pass between them at the least; with jitter none need to.
    """

    most: int
    shortest_waits: float


def number(node: object) -> float | None:
    """Return the number that an expression is, by itself or by simple arithmetic."""
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            return float(value) if abs(value) < _LARGEST else None
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            negated = number(operand)
            return None if negated is None else -negated
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            factors = number(left), number(right)
            return None if None in factors else math.prod(f for f in factors if f is not None)
        case ast.Call(func=ast.Attribute(attr="inf")):
            return None
        case _:
            return None


def argument(layer: Layer, name: str, default: float | None) -> float | None:
    """Return the number given for *name*, the default where none is, None where it is unknown."""
    value = layer.values.get(name)
    if value is None:
        return default if layer.is_complete else None
    return number(value)


def limit_seconds(layer: Layer) -> float | None:
    """Return the seconds that a `TimeoutPrimitive` gives for the whole."""
    return argument(layer, "timeout_seconds", _LIMIT_DEFAULT)


def hedge_delay(layer: Layer) -> float | None:
    """Return the seconds after which a `HedgePrimitive` sends a second request."""
    return argument(layer, "delay", _HEDGE_DEFAULT)


def attempts(layer: Layer) -> Attempts | None:
    """Return how often a `RetryPrimitive` tries, None where that is not known."""
    strategy = layer.values.get("strategy")
    if strategy is None:
        return _strategy({}) if layer.is_complete else None
    retries = number(strategy)
    if retries is not None:
        return _strategy({"max_retries": retries})
    if isinstance(strategy, ast.Constant) and strategy.value is None:
        return _strategy({})
    if not isinstance(strategy, ast.Call) or not _is_strategy(strategy):
        return None
    given: dict[str, float] = {}
    named = [*zip(_STRATEGY, strategy.args, strict=False)]
    named += [(keyword.arg or "", keyword.value) for keyword in strategy.keywords]
    for name, node in named:
        value = number(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            value = float(node.value)
        if value is None or not name or isinstance(node, ast.Starred):
            return None
        given[name] = value
    return _strategy(given)


def _is_strategy(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else None
    name = call.func.id if isinstance(call.func, ast.Name) else name
    return name == "RetryStrategy"


def _strategy(given: Mapping[str, float]) -> Attempts | None:
    settings = {**_STRATEGY_DEFAULTS, **given}
    retries = int(settings["max_retries"])
    if not 0 <= retries < _MOST_ATTEMPTS:
        return None
    waits = 0.0
    if not settings["jitter"]:
        for retry in range(retries):
            try:
                wait = settings["initial_delay"] * settings["backoff_base"] ** retry
            except OverflowError:
                wait = settings["max_delay"]
            waits += min(settings["max_delay"], wait)
    return Attempts(retries + 1, waits)
