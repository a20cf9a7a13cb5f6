"""Traces across processes, and in the log."""
