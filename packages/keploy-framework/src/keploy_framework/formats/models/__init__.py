"""The documents of recordings as typed records over their data, which they keep whole."""

from __future__ import annotations
