"""What the primitives take: which arguments are steps, and which step a policy goes around."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Shape:
    """How one primitive is called.

    Args:
        positional: Its parameters in order, up to the last one that may be given by position.
        wraps: The parameter that holds the step a policy goes around, "" where it is no policy.
        label: What that step is called among the children.
        steps: Further parameters that hold one step each.
        several: Parameters that hold a list, a tuple or a dict of steps.
        calls_model: Whether it asks a model by itself.
    """

    positional: tuple[str, ...] = ()
    wraps: str = ""
    label: str = ""
    steps: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    calls_model: bool = False


def _policy(*positional: str, steps: tuple[str, ...] = ()) -> Shape:
    return Shape(("primitive", *positional), wraps="primitive", steps=steps)


ADAPTERS: Final = frozenset({"AnthropicPrimitive", "OpenAIPrimitive"})
SHAPES: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        "AnthropicPrimitive": Shape(("model",), calls_model=True),
        "BatchPrimitive": Shape(("batch_step",), steps=("batch_step",)),
        "BudgetPrimitive": _policy(),
        "BulkheadPrimitive": _policy(),
        "CachePrimitive": _policy("cache_key_fn", "ttl_seconds"),
        "CircuitBreakerPrimitive": _policy(),
        "ConditionalPrimitive": Shape(
            ("condition", "then_primitive", "else_primitive"),
            steps=("then_primitive", "else_primitive"),
        ),
        "FallbackPrimitive": Shape(
            ("primary", "fallback"),
            wraps="primary",
            label="primary",
            steps=("fallback",),
            several=("fallbacks", "on"),
        ),
        "HedgePrimitive": Shape(("primitive",), wraps="primitive", several=("alternatives",)),
        "LambdaPrimitive": Shape(("fn",), steps=("fn",)),
        "LoopPrimitive": Shape(("body",), wraps="body"),
        "OpenAIPrimitive": Shape(("model",), calls_model=True),
        "ParallelPrimitive": Shape(("branches",), several=("branches",)),
        "RateLimitPrimitive": _policy(),
        "ResilientPrimitive": Shape(("step",), wraps="step", several=("fallback",)),
        "RetryPrimitive": _policy("strategy"),
        "RouterPrimitive": Shape(("routes", "router_fn", "default"), several=("routes",)),
        "SagaPrimitive": Shape(
            ("forward", "compensation"), steps=("forward", "compensation", "undo")
        ),
        "SequentialPrimitive": Shape(("steps",), several=("steps",)),
        "SwitchPrimitive": Shape(
            ("selector", "cases", "default"), steps=("default",), several=("cases",)
        ),
        "TimeoutPrimitive": _policy(
            "timeout_seconds", "fallback", "track_timeouts", steps=("fallback",)
        ),
        "TransformPrimitive": Shape(("fn",), steps=("fn",)),
        "UVCachePrimitive": _policy(),
    }
)
POLICIES: Final = frozenset(kind for kind, shape in SHAPES.items() if shape.wraps)
_PACKAGES: Final = ("tta_dev_primitives", "observability_integration")
_BASES: Final = frozenset({"WorkflowPrimitive", "PolicyPrimitive"})


def kind_of(qualified: str | None) -> str | None:
    """Return the primitive that a dotted name stands for, such as `CachePrimitive`, or None.

    `resilient` is the function that makes a `ResilientPrimitive`, and is taken for it.
    """
    name = _name_in_package(qualified)
    if name == "resilient":
        return "ResilientPrimitive"
    return name if name in SHAPES else None


def is_base(qualified: str | None) -> bool:
    """Tell whether a dotted name is a class that primitives of one's own derive from."""
    name = _name_in_package(qualified)
    return name in _BASES or name in SHAPES


def _name_in_package(qualified: str | None) -> str:
    if qualified is None or not qualified.startswith(_PACKAGES):
        return ""
    package, _, rest = qualified.partition(".")
    return rest.rpartition(".")[2] if package in _PACKAGES else ""
