"""A run as one file of HTML that needs no network."""

from __future__ import annotations
