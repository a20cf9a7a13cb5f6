"""The folder of recordings: sets, names, and one recorder at a time."""

from __future__ import annotations
