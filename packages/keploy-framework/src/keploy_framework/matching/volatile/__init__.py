"""Values that differ in every run: times, identifiers, tokens."""

from __future__ import annotations
