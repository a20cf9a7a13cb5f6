"""Verdicts on responses, noise, templates, and the choice of a mock for a request."""

from __future__ import annotations
