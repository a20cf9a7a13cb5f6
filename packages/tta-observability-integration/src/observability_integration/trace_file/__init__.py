"""Traces in one SQLite file that can be mailed, opened with any tool, and compared."""
