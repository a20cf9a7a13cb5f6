"""Putting policies around a step, in their order, and fusing those that can be."""

# See `fused_call`.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .first_attempt import Parts
from .fused import FusedPrimitive
from .fused_call import FusedCall, can_fuse
from .policies import WHY, named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .policies import AnyStep, Policy

_FEWEST_FUSED = 2


@dataclass(frozen=True, slots=True)
class Assembly:
    """Policies around a step.

    Attributes:
        outermost: The outermost policy, or the step where there is none.
        call: What runs all of them as one, where something does.
        placed: The policies around the step, by their places, from the outside in.
        fused: The places whose policies run as one.
    """

    outermost: AnyStep
    call: FusedCall | None
    placed: Mapping[str, Policy]
    fused: frozenset[str]


def assemble(step: AnyStep, policies: Mapping[str, Policy], subject: str) -> Assembly:
    """Put *policies* around *step*, the innermost first.

    Args:
        step: What the innermost wraps.
        policies: By their places; they share their state with what stands around the step.
        subject: What errors call the step.
    """
    placed: dict[str, Policy] = {}
    parts: dict[str, Any] = {}  # Any: each part has a type of its own
    current: AnyStep = step
    fusing, call = True, None
    for place in reversed(WHY):
        policy = policies.get(place)
        if policy is None:
            continue
        if fusing and not (can_fuse(place, policy) and _same_clock(place, policy, parts)):
            fusing = False
            if len(parts) >= _FEWEST_FUSED:
                current = FusedPrimitive(current, FusedCall(current, Parts(**parts), step))
        around = _around(place, policy, current, step, subject)
        placed[place] = current = around
        if fusing:
            parts[place] = around
    if fusing and len(parts) >= _FEWEST_FUSED:
        call = FusedCall(current, Parts(**parts), step)
    fused = frozenset(parts) if len(parts) >= _FEWEST_FUSED else frozenset[str]()
    return Assembly(current, call, dict(reversed(placed.items())), fused)


def _same_clock(place: str, policy: Policy, parts: Mapping[str, Any]) -> bool:
    """Tell whether one timer can serve both limits."""
    inner = parts.get("attempt_timeout")
    return place != "timeout" or inner is None or vars(policy)["_clock"] is inner._clock


def _around(place: str, policy: Policy, current: AnyStep, step: AnyStep, subject: str) -> Policy:
    """Return *policy* around *current*, named for its errors where they would else name another."""
    if place == "breaker":
        policy.wrap(step)  # a breaker without a name is called what it is first put around
    around = policy.wrap(current)
    if place == "attempt_timeout":
        return named(around, f"{subject} attempt")
    if place in ("timeout", "rate_limit", "budget"):
        return named(around, subject)
    return around
