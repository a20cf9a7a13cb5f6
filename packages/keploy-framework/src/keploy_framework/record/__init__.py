"""Record an app: its callers become tests, its calls become mocks."""

from __future__ import annotations
