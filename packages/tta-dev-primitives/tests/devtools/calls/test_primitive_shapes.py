"""The table of how primitives are called, held to the primitives themselves."""

from __future__ import annotations

import inspect

import pytest

import tta_dev_primitives
from tta_dev_primitives import LoopPrimitive, resilient
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.devtools.calls.primitive_shapes import (
    ADAPTERS,
    POLICIES,
    SHAPES,
    is_base,
    kind_of,
)

POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD


def parameters(kind: str) -> dict[str, inspect.Parameter]:
    made_by = resilient if kind == "ResilientPrimitive" else getattr(tta_dev_primitives, kind)
    function = made_by if inspect.isfunction(made_by) else made_by.__init__
    found = dict(inspect.signature(function).parameters)
    found.pop("self", None)
    return found


@pytest.mark.parametrize("kind", SHAPES)
def test_positional_arguments_are_those_of_the_primitive(kind: str) -> None:
    """A primitive got another parameter, and the linter reads its arguments as others."""
    named = parameters(kind)
    positional = tuple(name for name, given in named.items() if given.kind is POSITIONAL)
    assert SHAPES[kind].positional == positional


@pytest.mark.parametrize("kind", SHAPES)
def test_steps_are_parameters_of_the_primitive(kind: str) -> None:
    """The linter looks for steps in a parameter that does not exist."""
    shape = SHAPES[kind]
    steps = {*shape.steps, *shape.several, *([shape.wraps] if shape.wraps else [])}
    assert steps <= set(parameters(kind))


def test_every_primitive_of_the_package_is_known() -> None:
    """A new primitive is exported and the linter takes it for an unknown function."""
    classes = {
        name
        for name in tta_dev_primitives.__all__
        if name.endswith("Primitive")
        and name not in ("ObservabilityPrimitive", "WorkflowPrimitive")
    }
    assert classes == set(SHAPES)


def test_policies_are_the_policies() -> None:
    """A class became a policy and the linter does not see through it."""
    classes = {
        name for name in SHAPES if issubclass(getattr(tta_dev_primitives, name), PolicyPrimitive)
    }
    assert classes | {"ResilientPrimitive"} == POLICIES
    assert issubclass(LoopPrimitive, PolicyPrimitive)
    assert {"AnthropicPrimitive", "OpenAIPrimitive"} == ADAPTERS


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tta_dev_primitives.CachePrimitive", "CachePrimitive"),
        ("tta_dev_primitives.performance.cache.CachePrimitive", "CachePrimitive"),
        ("observability_integration.primitives.RouterPrimitive", "RouterPrimitive"),
        ("tta_dev_primitives.resilient", "ResilientPrimitive"),
        ("tta_dev_primitives.CachePrimitive.wrap", None),
        ("tta_dev_primitives_extra.CachePrimitive", None),
        ("other.CachePrimitive", None),
        ("tta_dev_primitives", None),
        (None, None),
    ],
    ids=str,
)
def test_only_names_of_the_packages_are_primitives(name: str | None, kind: str | None) -> None:
    """Somebody else's class of the same name is taken for ours."""
    assert kind_of(name) == kind


def test_what_primitives_derive_from() -> None:
    """A primitive of one's own is not recognised by its base."""
    assert is_base("tta_dev_primitives.WorkflowPrimitive")
    assert is_base("tta_dev_primitives.core.policy.PolicyPrimitive")
    assert is_base("tta_dev_primitives.CachePrimitive")
    assert not is_base("tta_dev_primitives.WorkflowContext")
    assert not is_base("airflow.WorkflowPrimitive")
