"""Fakes, clocks and servers for testing workflows, ours and yours."""

from __future__ import annotations

from .clock import FakeClock, settle
from .mocks import MockPrimitive

__all__ = ["FakeClock", "MockPrimitive", "settle"]
