"""Traces and tables as text for people."""
