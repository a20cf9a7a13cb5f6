"""The 0.1 home of three primitives; they are those of `tta_dev_primitives`."""

from __future__ import annotations

from tta_dev_primitives import CachePrimitive, RouterPrimitive, TimeoutPrimitive

__all__ = ["CachePrimitive", "RouterPrimitive", "TimeoutPrimitive"]
