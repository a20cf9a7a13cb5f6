"""The parts of a verdict: status, headers, bodies, frames and assertions."""

from __future__ import annotations
