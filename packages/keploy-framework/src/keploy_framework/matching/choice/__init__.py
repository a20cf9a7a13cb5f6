"""The choice of a mock for an outgoing request, and why there was none."""

from __future__ import annotations
