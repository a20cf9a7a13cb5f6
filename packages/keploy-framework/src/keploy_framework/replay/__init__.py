"""Replay recorded tests against the app, its dependencies answered from mocks."""

from __future__ import annotations
