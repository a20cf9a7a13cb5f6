"""Fakes, clocks and servers for testing workflows, ours and yours."""

from __future__ import annotations

from .clock import FakeClock, settle
from .faults import FaultPrimitive
from .leaks import assert_no_leaks
from .mocks import MockPrimitive

__all__ = ["FakeClock", "FaultPrimitive", "MockPrimitive", "assert_no_leaks", "settle"]
