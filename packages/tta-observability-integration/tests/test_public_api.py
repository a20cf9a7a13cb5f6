"""The names apps import, and what importing them costs."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import observability_integration
import tta_dev_primitives
from observability_integration import apm_setup, setup, tracer


def test_every_public_name_is_there_and_sorted() -> None:
    names = observability_integration.__all__
    assert names == sorted(names)
    for name in names:
        assert getattr(observability_integration, name) is not None
        assert name in dir(observability_integration)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'initialise'"):
        observability_integration.initialise  # noqa: B018


@pytest.mark.parametrize("name", apm_setup.__all__)
def test_the_home_of_0_1_has_the_same_functions(name: str) -> None:
    assert getattr(apm_setup, name) is getattr(setup, name)


def test_the_tracer_is_an_observer() -> None:
    assert issubclass(tracer.TracerPrimitive, tta_dev_primitives.ObservabilityPrimitive)


@pytest.mark.parametrize("name", ["CachePrimitive", "RouterPrimitive", "TimeoutPrimitive"])
def test_primitives_are_the_very_classes_of_the_core(name: str) -> None:
    primitives = importlib.import_module("observability_integration.primitives")
    assert getattr(primitives, name) is getattr(tta_dev_primitives, name)


def test_asking_whether_it_is_on_loads_no_opentelemetry() -> None:
    program = (
        "import sys, observability_integration as o\n"
        "assert not o.is_observability_enabled()\n"
        "o.shutdown_observability()\n"
        "assert o.get_tracer('x') is o.get_meter('x') is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
