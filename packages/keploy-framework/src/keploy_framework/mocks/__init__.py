"""Answers to outgoing calls, from the mocks of a test set."""

from __future__ import annotations
