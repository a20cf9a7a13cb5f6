"""Recorded requests once more, as they were and with the primitives, and what that costs."""
